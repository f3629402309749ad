using Interfuse.Merging.Recipes;
using Interfuse.Merging.Search;

namespace Interfuse.Merging.Methods;

/// <summary>A way to turn several tensors of the same name and shape into one.</summary>
/// <remarks>
/// A method is one file in this folder: what it expects of a recipe (<see cref="Signature"/>) and the computation of one
/// output tensor (<see cref="Bind"/>). It never sees files, dtypes or threads.
/// </remarks>
public abstract class MergeMethod
{
    /// <summary>The method's name, parameters and the models it takes.</summary>
    public abstract MethodSignature Signature { get; }

    /// <summary>Makes the computation of one output tensor.</summary>
    /// <param name="tensor">The tensor's inputs and the recipe's settings for it.</param>
    /// <exception cref="UnfitSettingsException">The settings are each in range but make no sense together.</exception>
    public abstract TensorMerge Bind(TensorSettings tensor);
}

/// <summary>The methods this engine has, by the name recipes use.</summary>
public static class MergeMethods
{
    /// <summary>Every method, in the order the documentation lists them.</summary>
    public static IReadOnlyList<MergeMethod> All { get; } =
    [
        new Linear(),
        new Slerp(),
        new TaskArithmetic(),
        new Ties(),
        Dare.Linear,
        Dare.Ties,
        new Passthrough(),
    ];

    /// <summary>What each method expects of a recipe, the greedy soup's among them, which is a choice of linear merges.</summary>
    public static IReadOnlyList<MethodSignature> Signatures { get; } =
        [.. All.Select(method => method.Signature), GreedySoup.Signature];

    /// <summary>The method a recipe names; the recipe has been read with <see cref="Signatures"/>, so it exists.</summary>
    public static MergeMethod Of(Recipe recipe) => All.Single(method => method.Signature.Name == recipe.MergeMethod);
}
