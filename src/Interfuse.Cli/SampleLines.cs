using System.Text.Json;
using System.Text.Json.Serialization;

namespace Interfuse.Cli;

/// <summary>What came of every sample, one JSON object a line (<c>interfuse eval --samples</c>).</summary>
internal static class SampleLines
{
    // Every line has every key.
    private static readonly JsonSerializerOptions Options = new(Reports.Options)
    {
        WriteIndented = false,
        DefaultIgnoreCondition = JsonIgnoreCondition.Never,
    };

    public static void Write(string path, IEnumerable<EvaluatedModel> models) => OutputFile.Write(path, file =>
    {
        foreach (SampleLine line in models.SelectMany(Lines))
        {
            file.Write(JsonSerializer.Serialize(line, Options));
            file.Write('\n');
        }
    });

    private static IEnumerable<SampleLine> Lines(EvaluatedModel model) =>
        from result in model.Results
        from sample in result.Samples
        select new SampleLine(
            model.Name,
            sample.Route is { } route ? MixName.Expert(route.Mix, model.Experts) : model.Expert,
            sample.Route is { } mixed ? MixName.Mixture(mixed.Mix, model.Experts) : model.Mixture,
            result.Task,
            sample.Sample.Line,
            sample.Sample.Prompt,
            sample.Answer,
            sample.Sample.Answers,
            sample.Correct,
            sample.Sample.Choices,
            sample.LogLikelihoods);

    private sealed record SampleLine(
        string Model, string? Expert, string? Mixture, string Task, int Line, string Prompt, string? Answer,
        IReadOnlyList<string> Expected, bool? Correct, IReadOnlyList<string> Choices, IReadOnlyList<double> LogLikelihoods);
}
