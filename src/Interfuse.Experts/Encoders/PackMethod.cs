using Interfuse.Merging.Methods;
using Interfuse.Merging.Recipes;

namespace Interfuse.Experts.Encoders;

/// <summary>A <c>merge_method</c> that makes an expert pack: what a recipe may say of it, and how it stores tensors.</summary>
/// <remarks>
/// Every method stores most tensors by rows (<see cref="GroupingOf"/>): one row for all experts, for groups of them, or for
/// each its own. One that stores whole matrices in a scheme of its own is a <see cref="MatrixMethod"/>.
/// </remarks>
internal abstract class PackMethod
{
    /// <summary>The method's name, parameters and the models it takes.</summary>
    public abstract MethodSignature Signature { get; }

    /// <summary>What a recipe says of a tensor that is stored by rows.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="tensor">The tensor's name.</param>
    /// <param name="position">How deep its layer is in the model, 0 to 1.</param>
    /// <param name="experts">N.</param>
    /// <exception cref="RecipeException">That makes no sense.</exception>
    public abstract TensorGrouping GroupingOf(Recipe recipe, string tensor, double position, int experts);

    /// <summary>
    /// The share of the ensemble's bytes that the pack may take, where rows in groups are what it is spent on; else null.
    /// </summary>
    public virtual double? RowBudgetOf(Recipe recipe) => null;
}

/// <summary>The methods that make expert packs, by the name recipes use.</summary>
public static class PackMethods
{
    /// <summary>Every method, in the order the documentation lists them.</summary>
    internal static IReadOnlyList<PackMethod> All { get; } =
    [
        new ChannelMerging(),
        new Mediator(),
        new TwinMerging(),
        new EmrMerging(),
    ];

    /// <summary>Every method a recipe may name: those that merge into one model, and those that make a pack.</summary>
    public static IReadOnlyList<MethodSignature> RecipeSignatures { get; } =
        [.. MergeMethods.Signatures, .. All.Select(method => method.Signature)];

    /// <summary>Whether a recipe is one for an expert pack.</summary>
    public static bool Makes(Recipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        return All.Any(method => method.Signature.Name == recipe.MergeMethod);
    }

    /// <summary>The method a recipe for a pack names.</summary>
    internal static PackMethod Of(Recipe recipe) => All.Single(method => method.Signature.Name == recipe.MergeMethod);
}
