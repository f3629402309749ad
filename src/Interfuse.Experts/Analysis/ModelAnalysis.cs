namespace Interfuse.Experts.Analysis;

/// <summary>What a merge of some experts would meet: how they differ from their base and from each other.</summary>
/// <param name="Base">The base model's path.</param>
/// <param name="Experts">The experts' names, in the order of all statistics.</param>
/// <param name="Tensors">Every tensor that was compared.</param>
/// <param name="Curve">What of the experts a pack of a given size keeps.</param>
/// <param name="Warnings">What was left out, each as a sentence.</param>
public sealed record ModelAnalysis(
    string Base,
    IReadOnlyList<string> Experts,
    IReadOnlyList<TensorAnalysis> Tensors,
    SizeCurve Curve,
    IReadOnlyList<string> Warnings)
{
    /// <summary>The modules that occur, in the order in which a decoder uses them.</summary>
    public IReadOnlyList<string> Modules => [.. Tensors.Select(tensor => tensor.Module).Distinct().OrderBy(ModuleName.Order)];

    /// <summary>The layers that occur, ascending, and null for what is outside of them.</summary>
    public IReadOnlyList<int?> Layers => [.. Tensors.Select(tensor => tensor.Layer).Distinct().Order()];

    /// <summary>All tensors together, or those of a module, or those of a layer and a module; null where there are none.</summary>
    public DeltaStatistics? Of(Func<TensorAnalysis, bool> which)
    {
        TensorAnalysis[] tensors = [.. Tensors.Where(which)];
        return tensors.Length == 0 ? null : DeltaStatistics.Sum(tensors.Select(tensor => tensor.Statistics));
    }
}

/// <summary>How the experts compare in one tensor.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Layer">The layer it is in, or null.</param>
/// <param name="Module">Its kind: <c>embed</c>, <c>q_proj</c>, <c>norm</c>, <c>head</c> and so on.</param>
/// <param name="Shape">Its shape in the base model.</param>
/// <param name="Statistics">The comparison.</param>
public sealed record TensorAnalysis(
    string Name, int? Layer, string Module, IReadOnlyList<long> Shape, DeltaStatistics Statistics);

/// <summary>
/// What share of the delta energy of the layers' linear projections is kept by Channel Merging at which share of the bytes
/// that all experts' projections take. Every expert's task vector counts alike, as it does where a budget is spent: the
/// share is the mean of the experts' own.
/// </summary>
/// <param name="EnsembleBytes">Those bytes.</param>
/// <param name="Channels">The channels of all projections.</param>
/// <param name="SampledChannels">
/// Those the points were found with: all, or of many every so-manieth of each matrix, which depends on nothing but the
/// models' shapes.
/// </param>
/// <param name="Fixed">K groups in every channel alike, K = 1 to N. Empty where there are no projections.</param>
/// <param name="Budget">Budgets spent where they keep most, ascending.</param>
public sealed record SizeCurve(
    long EnsembleBytes,
    long Channels,
    long SampledChannels,
    IReadOnlyList<CurvePoint> Fixed,
    IReadOnlyList<CurvePoint> Budget);

/// <summary>A point of a <see cref="SizeCurve"/>.</summary>
/// <param name="Groups">K, or null for a budget.</param>
/// <param name="Target">The share of the bytes that was allowed.</param>
/// <param name="Bytes">The share of the bytes that is used.</param>
/// <param name="Energy">The share of the delta energy that is kept, 0 to 1; 1 where there is none to keep.</param>
public sealed record CurvePoint(int? Groups, double Target, double Bytes, double Energy);
