using Interfuse.Compute;
using Interfuse.Inference.Evaluation;

namespace Interfuse.Cli;

/// <summary>What models make of tasks (<c>interfuse eval</c>).</summary>
internal sealed record EvaluationReport(
    IReadOnlyList<TaskReport> Tasks, IReadOnlyList<EvaluatedModelReport> Models, int MaxTokens, IReadOnlyList<string> Stop,
    bool Chat, string Device)
{
    /// <summary>The time that all of it took.</summary>
    public double Seconds { get; init; }

    public static EvaluationReport Of(
        IReadOnlyList<EvaluatedModel> models, IReadOnlyList<string> taskNames, EvaluationOptions options, bool chat, Device device) =>
        new(
            [.. models[0].Results.Select((result, task) => new TaskReport(
                taskNames[task], result.Metrics[0].Key, result.HigherIsBetter, result.Samples.Count))],
            [.. models.Select(EvaluatedModelReport.Of)],
            options.MaxTokens,
            options.StopStrings,
            chat,
            device.Name);

    public string ToText() => new EvaluationTable(this).ToText();
}

/// <summary>A task.</summary>
/// <param name="Name">What it is called in the table.</param>
/// <param name="Metric">Its chief figure.</param>
/// <param name="HigherIsBetter">Whether a greater one is better.</param>
/// <param name="Samples">How many samples were put.</param>
internal sealed record TaskReport(string Name, string Metric, bool HigherIsBetter, int Samples);

/// <summary>What one model, expert of a pack or mixture of experts makes of the tasks.</summary>
/// <param name="Name">What it is called in the table.</param>
/// <param name="Path">The directory.</param>
/// <param name="Expert">The expert; null for a plain model and a mixture.</param>
/// <param name="Mixture">The mixture of experts, or <c>shared</c>; else null.</param>
/// <param name="Route">The policy of the router that chose for each sample; else null.</param>
/// <param name="Results">Every figure of each task by its name, in the order of the tasks.</param>
/// <param name="Means">The mean of each figure that is a share and that several tasks have.</param>
/// <param name="Answered">For each task how many samples each expert, set of experts or the shared model answered,
/// where a router chose; else null.</param>
internal sealed record EvaluatedModelReport(
    string Name, string Path, string? Expert, string? Mixture, string? Route,
    IReadOnlyList<IReadOnlyDictionary<string, double>> Results, IReadOnlyDictionary<string, double> Means,
    IReadOnlyList<IReadOnlyDictionary<string, int>>? Answered)
{
    public static EvaluatedModelReport Of(EvaluatedModel model) => new(
        model.Name,
        model.Path,
        model.Expert,
        model.Mixture,
        model.Route,
        [.. model.Results.Select(result => result.Metrics.ToDictionary())],
        model.Results
            .Where(result => result.HigherIsBetter)
            .SelectMany(result => result.Metrics)
            .GroupBy(metric => metric.Key, metric => metric.Value)
            .Where(metric => metric.Count() > 1)
            .ToDictionary(metric => metric.Key, metric => metric.Average()),
        model.Route is null
            ? null
            : [.. model.Results.Select(result => RouteWords.Count(result.Samples.Select(sample => sample.Route!), model.Experts))]);
}
