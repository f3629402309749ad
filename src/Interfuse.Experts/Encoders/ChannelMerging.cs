using Interfuse.Compute;
using Interfuse.Merging.Recipes;

namespace Interfuse.Experts.Encoders;

/// <summary>
/// The method <c>channel_merging</c> (Zhang et al., AAAI 2025, arXiv 2412.15283): per output channel, experts whose task
/// vectors are alike share a row. What a recipe may say of it.
/// </summary>
/// <remarks>
/// The paper leaves open how experts are grouped; here the best partition of a channel's experts into the wanted number
/// of groups is found exactly, see <see cref="ChannelPartition"/>.
/// </remarks>
internal sealed class ChannelMerging : PackMethod
{
    private static readonly ParameterSpec Groups = new("groups", ParameterScope.Merge, 2, 1, ChannelPartition.MaxExperts);

    private static readonly ParameterSpec Budget =
        new("budget", ParameterScope.Merge, Default: null, 0, 1, AllowsNone: true);

    private static readonly ParameterSpec Similarity =
        new("similarity", ParameterScope.Merge, 0, Kind: ParameterKind.Word) { Words = ["cosine", "euclidean"] };

    private static readonly ParameterSpec Granularity =
        new("granularity", ParameterScope.Merge, 0, Kind: ParameterKind.Word) { Words = ["channel", "head"] };

    private static readonly ParameterSpec Storage =
        new("storage", ParameterScope.Merge, 0, Kind: ParameterKind.Word) { Words = ["auto", "grouped", "shared", "kept"] };

    private static readonly ParameterSpec ShareWithin = new("share_within", ParameterScope.Merge, 0.001, 0);

    private static readonly ParameterSpec Lambda = new("lambda", ParameterScope.Merge, 1);

    /// <inheritdoc/>
    public override MethodSignature Signature { get; } = new(
        "channel_merging",
        BaseModelUse.Required,
        MinModels: 1,
        ChannelPartition.MaxExperts,
        [Groups, Budget, Similarity, Granularity, Storage, ShareWithin, Lambda])
    {
        NamesModels = true,
    };

    /// <inheritdoc/>
    public override double? RowBudgetOf(Recipe recipe)
    {
        if (!recipe.Parameters.TryGet(Budget.Name, out Parameter? budget))
        {
            return null;
        }

        if (recipe.Parameters.TryGet(Groups.Name, out Parameter? groups))
        {
            throw new RecipeException(
                groups.Location, "'groups' and 'budget' exclude each other: with a budget every channel gets as many groups as pay");
        }

        return budget.Setting is NumberSetting { Value: var share }
            ? share
            : throw new RecipeException(
                budget.Location, "'budget' is one share for the whole pack, expected a number, `budget: 0.53`");
    }

    /// <inheritdoc/>
    public override TensorGrouping GroupingOf(Recipe recipe, string tensor, double position, int experts)
    {
        double Value(ParameterSpec spec) => RecipeParameters.ForMerge(recipe, null, spec, tensor, position)!.Value;

        double groups = Value(Groups);
        if (groups != Math.Floor(groups))
        {
            throw new RecipeException(
                recipe.MethodLocation!, $"'groups' is {groups} for '{tensor}', expected a whole number");
        }

        float lambda = (float)Value(Lambda);
        return new TensorGrouping(
            Math.Min((int)groups, experts),
            (ChannelSimilarity)Value(Similarity),
            Value(Granularity) == 1,
            (TensorStorage)Value(Storage),
            Value(ShareWithin),
            float.IsFinite(lambda)
                ? lambda
                : throw new RecipeException(recipe.MethodLocation!, "'lambda' is too large for float32"));
    }
}

/// <summary>How a tensor's experts are to be stored.</summary>
internal enum TensorStorage
{
    /// <summary>Linear projections in groups; other tensors one for all where the experts agree, else each its own.</summary>
    Auto,

    /// <summary>Rows in groups.</summary>
    Grouped,

    /// <summary>The average for all.</summary>
    Shared,

    /// <summary>Every expert's own.</summary>
    Kept,
}

/// <summary>What a recipe says of one tensor.</summary>
/// <param name="Groups">K, 1 to the number of experts, where there is no budget.</param>
/// <param name="Similarity">What makes task vectors alike.</param>
/// <param name="ByHead">Whether the rows of an attention head stay together.</param>
/// <param name="Storage">How the tensor is stored.</param>
/// <param name="ShareWithin">
/// How far the experts may lie from their average for it to stand for all: the root of the mean squared distance, as a
/// share of the base's norm.
/// </param>
/// <param name="Lambda">Scales the mean task vector of a group of two or more.</param>
internal readonly record struct TensorGrouping(
    int Groups, ChannelSimilarity Similarity, bool ByHead, TensorStorage Storage, double ShareWithin, float Lambda)
{
    /// <summary>
    /// Whether experts with the same bytes share them as they are, unscaled, as one keeps a row of its own. Not where the
    /// recipe wants one row for all: that is the average of all whatever they hold.
    /// </summary>
    public bool KeepsTwins => Groups > 1 && Storage != TensorStorage.Shared;
}
