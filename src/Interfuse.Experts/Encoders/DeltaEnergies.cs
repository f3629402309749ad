namespace Interfuse.Experts.Encoders;

/// <summary>Per expert, the squared norm of its task vector, and how much of it merging rows loses.</summary>
/// <param name="experts">N.</param>
internal sealed class DeltaEnergies(int experts)
{
    /// <summary>Per expert the squared norm of its task vector.</summary>
    public double[] Total { get; } = new double[experts];

    /// <summary>Per expert the squared distance of its own values to those stored for it, before they are rounded.</summary>
    public double[] Lost { get; } = new double[experts];

    /// <summary>Both, as a journal has them.</summary>
    public double[] ToFigures() => [.. Total, .. Lost];

    /// <summary>What <see cref="ToFigures"/> gave.</summary>
    public static DeltaEnergies Of(IReadOnlyList<double> figures)
    {
        int experts = figures.Count / 2;
        var energies = new DeltaEnergies(experts);
        for (int expert = 0; expert < experts; expert++)
        {
            energies.Total[expert] = figures[expert];
            energies.Lost[expert] = figures[experts + expert];
        }

        return energies;
    }

    /// <summary>Whether all of it are numbers.</summary>
    public bool IsFinite => Array.TrueForAll(Total, double.IsFinite) && Array.TrueForAll(Lost, double.IsFinite);

    /// <summary>Adds those of other channels.</summary>
    public void Add(DeltaEnergies other)
    {
        for (int expert = 0; expert < experts; expert++)
        {
            Total[expert] += other.Total[expert];
            Lost[expert] += other.Lost[expert];
        }
    }

    /// <summary>
    /// Adds those of a channel. With T the sum of G over a group of c experts, expert e loses
    /// <c>G[e,e] - 2 (lambda / c) sum G[e,f] + (lambda / c)^2 T</c>; one that is alone loses nothing, nor does one of a
    /// group of twins.
    /// </summary>
    /// <param name="gram">G [N, N].</param>
    /// <param name="groups">The group of each expert.</param>
    /// <param name="twins">The lowest expert with the same bytes, for each; empty where that doesn't matter.</param>
    /// <param name="lambda">What scales a group's mean task vector.</param>
    public void Add(ReadOnlySpan<double> gram, ReadOnlySpan<byte> groups, ReadOnlySpan<byte> twins, double lambda)
    {
        for (int e = 0; e < experts; e++)
        {
            double own = gram[(e * experts) + e];
            Total[e] += own;
            int count = 0;
            bool differ = false;
            double shared = 0;
            double all = 0;
            for (int f = 0; f < experts; f++)
            {
                if (groups[f] != groups[e])
                {
                    continue;
                }

                count++;
                differ |= twins.IsEmpty ? f != e : twins[f] != twins[e];
                shared += gram[(e * experts) + f];
                for (int g = 0; g < experts; g++)
                {
                    all += groups[g] == groups[e] ? gram[(f * experts) + g] : 0;
                }
            }

            if (differ)
            {
                double scale = lambda / count;
                Lost[e] += Math.Max(0, own - (2 * scale * shared) + (scale * scale * all));
            }
        }
    }
}
