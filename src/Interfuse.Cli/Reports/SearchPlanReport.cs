using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Merging.Search;

namespace Interfuse.Cli;

/// <summary>What a search would do (<c>--dry-run</c>).</summary>
internal sealed record SearchPlanReport(
    string Method, string Strategy, IReadOnlyList<string> Models, string Target, int Evaluations,
    IReadOnlyList<string> SearchedFor, IReadOnlyList<string> EvaluatedBy, int Tensors, long Parameters, long BytesOut,
    long MaxMemory, IReadOnlyList<string> Warnings)
{
    public static SearchPlanReport Of(Recipe recipe, ModelSearch search, string target)
    {
        MergePlan sample = search.Sample;
        RecipeEvaluation evaluation = recipe.Evaluation!;
        return new SearchPlanReport(
            recipe.MergeMethod,
            recipe.Search is { } space ? space.Strategy.ToString().ToLowerInvariant() : recipe.MergeMethod,
            sample.ModelPaths,
            Path.GetFullPath(target),
            search.Evaluations,
            recipe.Search is { } sought ? [.. sought.Dimensions.Select(dimension => dimension.ToString())] : [],
            evaluation.Tasks.Count > 0
                ? [.. evaluation.Tasks.Select(task => task.Text)]
                : [string.Join(' ', evaluation.Command)],
            sample.TensorCount,
            sample.ParameterCount,
            sample.OutputBytes,
            sample.Options.MaxMemory,
            sample.Warnings);
    }

    public string ToText() => Reports.ToText(
        $"Would evaluate {(Strategy == "grid" ? "" : "up to ")}{Sizes.Count(Evaluations, "candidate")} and merge the best "
            + $"into {Target}",
        [
            ("method", Method),
            ("strategy", Strategy == Method ? null : Strategy),
            .. Reports.Column("models", Models),
            .. Reports.Column("searched for", SearchedFor),
            .. Reports.Column("evaluated by", EvaluatedBy),
            ("tensors", $"{Tensors}"),
            ("parameters", Sizes.FormatParameters(Parameters)),
            ("bytes out", $"{Sizes.Format(BytesOut)}, while a candidate is evaluated as much again"),
            ("memory", $"at most {Sizes.FormatMemory(MaxMemory)} for a merge; a model that is evaluated is mapped"),
        ]);
}
