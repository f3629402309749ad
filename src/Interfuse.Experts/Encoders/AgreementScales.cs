using Interfuse.Compute;

namespace Interfuse.Experts.Encoders;

/// <summary>What an expert of EMR-Merging is scaled by.</summary>
internal enum ScaleDefinition
{
    /// <summary>
    /// The sum over the tensors of the mean of <c>|d|</c>, over that of the mean of <c>|a|</c>: as the authors' code has it,
    /// so that a short bias counts as much as a large matrix.
    /// </summary>
    PerTensorMean,

    /// <summary>The sum over all elements of <c>|d|</c>, over that of <c>|a|</c>: so that the model's total is kept.</summary>
    Total,
}

/// <summary>The scales of EMR-Merging: by them an expert's masked task vector is as large as its own.</summary>
internal static class AgreementScales
{
    /// <summary>One scale per expert, for all tensors: with <see cref="AgreementSums"/> d and a, a ratio of their sums.</summary>
    /// <remarks>Sums are float64, in the order of the tensors. An expert that has nothing of the unified task vector, as one
    /// that equals the base, gets 1, which then scales nothing.</remarks>
    /// <param name="definition">Which ratio.</param>
    /// <param name="experts">The experts' names.</param>
    /// <param name="tensors">The elements of each masked tensor, and the sums of its experts.</param>
    /// <exception cref="InterfuseException">A scale is beyond float32.</exception>
    public static float[] Of(
        ScaleDefinition definition,
        IReadOnlyList<string> experts,
        IEnumerable<(long Elements, AgreementSums[] Sums)> tensors)
    {
        double[] deltas = new double[experts.Count];
        double[] agreed = new double[experts.Count];
        foreach ((long elements, AgreementSums[] sums) in tensors)
        {
            double divisor = definition == ScaleDefinition.PerTensorMean ? elements : 1;
            for (int expert = 0; expert < sums.Length; expert++)
            {
                deltas[expert] += sums[expert].Delta / divisor;
                agreed[expert] += sums[expert].Agreed / divisor;
            }
        }

        float[] scales = new float[experts.Count];
        for (int expert = 0; expert < scales.Length; expert++)
        {
            scales[expert] = agreed[expert] == 0 ? 1 : (float)(deltas[expert] / agreed[expert]);
            if (!float.IsFinite(scales[expert]))
            {
                throw new InterfuseException(
                    $"The expert '{experts[expert]}' would have to be scaled by {deltas[expert] / agreed[expert]}, because next to "
                    + "nothing of it agrees with the others; leave it out, or give tensors `storage: kept`.");
            }
        }

        return scales;
    }
}
