using System.Globalization;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Recipes;
using Interfuse.Merging.Search;

namespace Interfuse.Cli;

/// <summary>What a search found.</summary>
internal sealed record SearchResultReport(
    string Method, string Target, int Evaluations, int EvaluationsResumed, int Unfit, double Score,
    IReadOnlyList<string> Best, int Models, int Tensors, long Parameters, long BytesOut, double Seconds, string Device,
    IReadOnlyList<NonFiniteTensor> NonFinite, IReadOnlyList<string> Warnings)
{
    public static SearchResultReport Of(Recipe recipe, ModelSearch search, SearchProgress progress, SearchReport report) =>
        new(
            recipe.MergeMethod,
            report.Merge.Target,
            progress.State.Evaluated,
            report.Resumed,
            report.Trials.Count(trial => trial.Unfit is not null),
            report.Best.Score!.Value,
            [
                .. report.Best.Candidate.Coefficients.Select(one =>
                    recipe.Search is null ? one.Model! : one.ToString()),
            ],
            search.Sample.ModelPaths.Count,
            search.Sample.TensorCount,
            search.Sample.ParameterCount,
            search.Sample.OutputBytes,
            report.Elapsed.TotalSeconds,
            report.Merge.Device,
            report.Merge.NonFinite,
            search.Sample.Warnings);

    public string ToText()
    {
        string seconds = Seconds.ToString(Seconds < 10 ? "0.00" : "0.0", CultureInfo.InvariantCulture);
        return Reports.ToText(
            $"Merged the best of {Sizes.Count(Evaluations, "candidate")} by {Method} into {Target}",
            [
                ("score", Score.ToString("G6", CultureInfo.InvariantCulture)),
                .. Reports.Column("best", Best),
                ("resumed", EvaluationsResumed == 0
                    ? null
                    : $"{Sizes.Count(EvaluationsResumed, "evaluation")} of the interrupted run"),
                ("unfit", Unfit == 0 ? null : $"{Sizes.Count(Unfit, "candidate")} whose coefficients can't be merged"),
                ("tensors", $"{Tensors}"),
                ("parameters", Sizes.FormatParameters(Parameters)),
                ("written", Sizes.Format(BytesOut)),
                ("time", $"{seconds} s"),
                ("device", Device),
                ("NaN/inf", NonFinite.Count == 0 ? null : $"in {Sizes.Count(NonFinite.Count, "tensor")}"),
            ]);
    }
}
