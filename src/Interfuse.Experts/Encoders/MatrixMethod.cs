using Interfuse.Compute;
using Interfuse.Merging.Recipes;

namespace Interfuse.Experts.Encoders;

/// <summary>
/// A method that stores weight matrices inside layers in a scheme of its own, one whole matrix at a time; everything else
/// is one for all where the experts agree, or each expert's own, as <c>channel_merging</c> has it.
/// </summary>
/// <remarks>
/// <para>
/// What happens: every matrix is measured, if the method wants that (<see cref="Measures"/>, <see cref="Measure"/>); then
/// it is decided how each is stored, with all its parts' shapes (<see cref="Decide"/>), which fixes the place of every
/// byte; then each is encoded and written (<see cref="Encode"/>). After an interruption everything is measured and decided
/// again, and matrices that are complete on the disk are not encoded again: so both must come to the same every time.
/// </para>
/// <para>
/// One matrix is at work at a time, on one queue; all threads are inside the operations of the device. Objects of this
/// class hold nothing: what is known of a matrix goes through <see cref="Measure"/>'s result and
/// <see cref="WholeMatrix.Choice"/>.
/// </para>
/// </remarks>
internal abstract class MatrixMethod : PackMethod
{
    /// <summary>How tensors are stored; <c>auto</c> is the method's own scheme for the matrices inside layers.</summary>
    protected static readonly ParameterSpec Storage =
        new("storage", ParameterScope.Merge, 0, Kind: ParameterKind.Word) { Words = ["auto", "shared", "kept"] };

    /// <summary>As in <c>channel_merging</c>.</summary>
    protected static readonly ParameterSpec ShareWithin = new("share_within", ParameterScope.Merge, 0.001, 0);

    /// <summary>Whether matrices are measured, which reads all models once more, before it is decided how they are stored.</summary>
    public virtual bool Measures => false;

    /// <summary>Whether this matrix is measured, where it depends on what the recipe says of it.</summary>
    public virtual bool MeasuresMatrix(PlannedMatrix matrix) => Measures;

    /// <inheritdoc/>
    public sealed override TensorGrouping GroupingOf(Recipe recipe, string tensor, double position, int experts) => new(
        experts,
        ChannelSimilarity.Cosine,
        ByHead: false,
        StorageOf(recipe, tensor, position),
        Value(recipe, ShareWithin, tensor, position),
        AverageLambda(recipe, tensor, position));

    /// <summary>
    /// Whether it only asks for rows of the matrices (<see cref="MatrixBench.VisitRows"/>), so that memory need not hold a
    /// whole one.
    /// </summary>
    public virtual bool ByRows => false;

    /// <summary>
    /// What <c>storage: auto</c> is: <see cref="TensorStorage.Auto"/>, the method's own scheme for weight matrices inside
    /// layers; or <see cref="TensorStorage.Grouped"/>, for every tensor of floats.
    /// </summary>
    protected virtual TensorStorage AutoStorage => TensorStorage.Auto;

    /// <summary>What scales the mean task vector of a tensor outside the scheme that is one for all.</summary>
    protected virtual float AverageLambda(Recipe recipe, string tensor, double position) => 1;

    /// <summary>What the recipe says of a matrix that the method stores itself; <see cref="PlannedMatrix.Settings"/>.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="tensor">The matrix's name.</param>
    /// <param name="position">How deep its layer is in the model, 0 to 1.</param>
    /// <param name="experts">N.</param>
    /// <exception cref="RecipeException">That makes no sense.</exception>
    public abstract object SettingsOf(Recipe recipe, string tensor, double position, int experts);

    /// <summary>
    /// The most bytes of the device's memory that measuring or encoding a matrix takes from <see cref="MatrixBench.Take"/>,
    /// or otherwise, at a time.
    /// </summary>
    public abstract long RoomFor(PlannedMatrix matrix, int experts);

    /// <summary>Finds out about a matrix what the decision needs; only called where <see cref="MeasuresMatrix"/>.</summary>
    /// <param name="bench">Has the matrix of every model.</param>
    public virtual object? Measure(MatrixBench bench) => null;

    /// <summary>Decides how every whole matrix is stored.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="otherBytes">What the tensors take that are stored by rows, tables included.</param>
    /// <param name="measures">What <see cref="Measure"/> gave, by the place in the plan.</param>
    /// <param name="stored">Receives a <see cref="WholeMatrix"/> for every matrix that <see cref="PlannedMatrix.IsWhole"/>.</param>
    /// <returns>The layers, where the decision was about them.</returns>
    /// <exception cref="RecipeException">The recipe's wishes can't be met.</exception>
    public abstract IReadOnlyList<PackLayerEntry>? Decide(
        PackPlan plan, long otherBytes, IReadOnlyList<object?> measures, Span<StoredTensor?> stored);

    /// <summary>Encodes a matrix and writes it, but for what <see cref="Finish"/> writes.</summary>
    /// <param name="bench">Has the matrix of every model.</param>
    /// <param name="stored">How it is stored.</param>
    /// <param name="output">Takes the matrix and its parts.</param>
    /// <returns>
    /// The figures that <see cref="Finish"/> needs, <see cref="FigureCount"/> of them; the journal keeps them, so that no
    /// matrix is encoded again for them.
    /// </returns>
    public abstract double[] Encode(MatrixBench bench, WholeMatrix stored, MatrixOutput output);

    /// <summary>How many figures there are of each matrix.</summary>
    /// <param name="experts">N.</param>
    public virtual int FigureCount(int experts) => 2 * experts;

    /// <summary>Writes what depends on all matrices, when each has been encoded, by this run or an earlier one.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="layout">How they are stored.</param>
    /// <param name="figures">What <see cref="Encode"/> gave, by the place in the plan; null of what is stored by rows.</param>
    /// <param name="files">The pack's files.</param>
    /// <returns>Per matrix and expert the energy of its task vector and how much of it is lost.</returns>
    public virtual DeltaEnergies?[] Finish(
        PackPlan plan, PackLayout layout, IReadOnlyList<IReadOnlyList<double>?> figures, PackWriters files) =>
        [.. figures.Select(each => each is null ? null : DeltaEnergies.Of(each))];

    /// <summary>A parameter's value for a tensor.</summary>
    protected static double Value(Recipe recipe, ParameterSpec spec, string tensor, double position) =>
        RecipeParameters.ForMerge(recipe, null, spec, tensor, position)!.Value;

    private TensorStorage StorageOf(Recipe recipe, string tensor, double position) =>
        (int)Value(recipe, Storage, tensor, position) switch
        {
            0 => AutoStorage,
            1 => TensorStorage.Shared,
            _ => TensorStorage.Kept,
        };

    /// <summary>A parameter that is a factor in float32.</summary>
    protected static float Factor(Recipe recipe, ParameterSpec spec, string tensor, double position)
    {
        float factor = (float)Value(recipe, spec, tensor, position);
        return float.IsFinite(factor)
            ? factor
            : throw new RecipeException(recipe.MethodLocation!, $"'{spec.Name}' is too large for float32");
    }
}
