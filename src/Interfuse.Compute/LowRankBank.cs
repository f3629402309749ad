using Interfuse.Checkpoints;

namespace Interfuse.Compute;

/// <summary>
/// One weight matrix [m, n] of several experts that is one shared matrix and, for every expert, a product of two thin
/// ones: <c>W[e] = shared + left[e] right[e]</c>.
/// </summary>
/// <remarks>
/// A row of it is defined to the bit. Row i of expert e: in float32, the sum starts at <c>shared[i, j]</c> and takes
/// <c>fma(left[e, i, k], right[e, k, j], sum)</c> for k from 0 on, in order; it is rounded once, to the matrix's type,
/// and a NaN is the canonical one. Rows of <see cref="SharedOnly"/> are those of the shared matrix as they are.
/// </remarks>
public readonly record struct LowRankBank
{
    /// <summary>Stands for no expert: the shared matrix alone.</summary>
    public const int SharedOnly = -1;

    /// <summary>Describes a bank.</summary>
    /// <param name="shared">The shared matrix [m, n], BF16, F16, F32 or F64.</param>
    /// <param name="left">[N, m, r], of the same type.</param>
    /// <param name="right">[N, r, n], of the same type.</param>
    /// <param name="experts">N, 1 or more.</param>
    /// <param name="channels">m, 1 or more.</param>
    /// <param name="columns">n, 1 or more.</param>
    /// <param name="rank">r, 1 or more.</param>
    /// <exception cref="ArgumentException">The lengths or the types do not fit.</exception>
    public LowRankBank(
        DeviceSpan shared, DeviceSpan left, DeviceSpan right, int experts, long channels, long columns, int rank)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(experts, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(rank, 1);
        if (!shared.DType.IsArithmetic() || left.DType != shared.DType || right.DType != shared.DType)
        {
            throw new ArgumentException(
                $"The shared matrix is {shared.DType.SafetensorsName()}, the factors are {left.DType.SafetensorsName()} and "
                + $"{right.DType.SafetensorsName()}; all three have to be BF16, F16, F32 or F64.",
                nameof(shared));
        }

        CheckShape(shared, [channels, columns], nameof(shared));
        CheckShape(left, [experts, channels, rank], nameof(left));
        CheckShape(right, [experts, rank, columns], nameof(right));
        Shared = shared;
        Left = left;
        Right = right;
        Experts = experts;
        Channels = channels;
        Columns = columns;
        Rank = rank;
    }

    /// <summary>The shared matrix [m, n].</summary>
    public DeviceSpan Shared { get; }

    /// <summary>[N, m, r]: what a row takes of each row of <see cref="Right"/>.</summary>
    public DeviceSpan Left { get; }

    /// <summary>[N, r, n]: the rows that an expert's own part is made of.</summary>
    public DeviceSpan Right { get; }

    /// <summary>N, the number of experts.</summary>
    public int Experts { get; }

    /// <summary>m, the rows of one expert's matrix.</summary>
    public long Channels { get; }

    /// <summary>n, the elements of a row.</summary>
    public long Columns { get; }

    /// <summary>r, the rank of each expert's own part.</summary>
    public int Rank { get; }

    // Divided, not multiplied: a product of extents may be more than 64 bits.
    private static void CheckShape(DeviceSpan span, ReadOnlySpan<long> shape, string name)
    {
        long left = span.Length;
        bool fits = left > 0;
        foreach (long extent in shape)
        {
            fits &= left % extent == 0;
            left /= extent;
        }

        if (!fits || left != 1)
        {
            throw new ArgumentException(
                $"There are {span.Length} elements, but [{string.Join(", ", shape.ToArray())}] are needed.", name);
        }
    }
}
