using Interfuse.Checkpoints;

namespace Interfuse.Compute;

// What a decoder does between its matrix products. Values are F32; the bits of a NaN are open.
public abstract partial class DeviceQueue
{
    /// <summary>
    /// Root-mean-square norm (Zhang and Sennrich, 2019) of each row:
    /// <c>y[r, j] = (x[r, j] * (1 / sqrt(mean of x[r]^2 + epsilon))) * weights[k, j]</c>, where k is the expert of the
    /// item that row r belongs to.
    /// </summary>
    /// <remarks>
    /// The sum of squares is the inner product of the row with itself in the canonical order of
    /// <c>GatherMultiply</c>; then divided by n, epsilon added, the square root and its reciprocal taken, each
    /// with one rounding.
    /// </remarks>
    /// <param name="x">[R, n], F32.</param>
    /// <param name="weights">[E, n], F32: a norm's weights for each expert.</param>
    /// <param name="experts">[T], I32: the expert of each item, 0 to E - 1 (not checked); R is a multiple of T, and
    /// consecutive rows belong to one item, for example a token's heads.</param>
    /// <param name="columns">n, 1 or more.</param>
    /// <param name="epsilon">What keeps a row of zeros from a division by zero.</param>
    /// <param name="y">Receives [R, n], F32; the same elements as <paramref name="x"/> or disjoint from it.</param>
    /// <exception cref="ArgumentException">Types, lengths or overlap break the rules.</exception>
    public void RmsNorm(
        DeviceSpan x, DeviceSpan weights, DeviceSpan experts, int columns, float epsilon, DeviceSpan y)
    {
        CheckItems(x, weights, experts, columns);
        CheckTable(y, DType.Float32, x.Length, nameof(y));
        CheckInPlace(x, y);
        CheckDisjoint([y], [weights, experts]);
        RmsNormCore(x, weights, experts, columns, epsilon, y);
    }

    /// <summary>Adds to each row the bias of its expert: <c>y[r, j] = y[r, j] + bias[k, j]</c>.</summary>
    /// <param name="y">[R, n], F32.</param>
    /// <param name="bias">[E, n], F32.</param>
    /// <param name="experts">[T], I32: as for <see cref="RmsNorm"/>.</param>
    /// <param name="columns">n, 1 or more.</param>
    /// <exception cref="ArgumentException">Types, lengths or overlap break the rules.</exception>
    public void AddBias(DeviceSpan y, DeviceSpan bias, DeviceSpan experts, int columns)
    {
        CheckItems(y, bias, experts, columns);
        CheckDisjoint([y], [bias, experts]);
        AddBiasCore(y, bias, experts, columns);
    }

    /// <summary>
    /// Rotary position embedding (Su et al., 2021) in place, by halves: for each head and i below d / 2,
    /// <c>(a, b) = (x[i], x[i + d/2])</c> becomes <c>(a*cos_i - b*sin_i, b*cos_i + a*sin_i)</c>.
    /// </summary>
    /// <param name="x">[T, H, d], F32.</param>
    /// <param name="angles">[T, d], F32: for each token the d / 2 cosines, then as many sines.</param>
    /// <param name="headLength">d, a multiple of 2.</param>
    /// <exception cref="ArgumentException">Types, lengths or overlap break the rules.</exception>
    public void Rotate(DeviceSpan x, DeviceSpan angles, int headLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(headLength, 2);
        if (headLength % 2 != 0 || angles.Length == 0 || angles.Length % headLength != 0
            || x.Length % angles.Length != 0)
        {
            throw new ArgumentException(
                $"{x.Length} elements and {angles.Length} angles are no heads of {headLength} with their angles.",
                nameof(angles));
        }

        CheckTable(x, DType.Float32, x.Length, nameof(x));
        CheckTable(angles, DType.Float32, angles.Length, nameof(angles));
        CheckDisjoint([x], [angles]);
        RotateCore(x, angles, headLength);
    }

    /// <summary>
    /// The gate of a decoder's feed-forward layer (SwiGLU; Shazeer, 2020):
    /// <c>y = (gate / (1 + exp(-gate))) * up</c>, with <see cref="CpuKernels.Exp(float)"/>.
    /// </summary>
    /// <param name="gate">F32.</param>
    /// <param name="up">F32, as many.</param>
    /// <param name="y">Receives as many, F32; the same elements as one of the others or disjoint from them.</param>
    /// <exception cref="ArgumentException">Types, lengths or overlap break the rules.</exception>
    public void SwiGlu(DeviceSpan gate, DeviceSpan up, DeviceSpan y)
    {
        CheckTable(gate, DType.Float32, y.Length, nameof(gate));
        CheckTable(up, DType.Float32, y.Length, nameof(up));
        CheckTable(y, DType.Float32, y.Length, nameof(y));
        CheckInPlace(gate, y);
        CheckInPlace(up, y);
        SwiGluCore(gate, up, y);
    }

    /// <summary><see cref="RmsNorm"/>, checked.</summary>
    protected abstract void RmsNormCore(
        DeviceSpan x, DeviceSpan weights, DeviceSpan experts, int columns, float epsilon, DeviceSpan y);

    /// <summary><see cref="AddBias"/>, checked.</summary>
    protected abstract void AddBiasCore(DeviceSpan y, DeviceSpan bias, DeviceSpan experts, int columns);

    /// <summary><see cref="Rotate"/>, checked.</summary>
    protected abstract void RotateCore(DeviceSpan x, DeviceSpan angles, int headLength);

    /// <summary><see cref="SwiGlu"/>, checked.</summary>
    protected abstract void SwiGluCore(DeviceSpan gate, DeviceSpan up, DeviceSpan y);

    private static void CheckItems(DeviceSpan rows, DeviceSpan perExpert, DeviceSpan experts, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        if (experts.DType != DType.Int32 || experts.Length == 0 || rows.Length % (experts.Length * columns) != 0)
        {
            throw new ArgumentException(
                $"{rows.Length} elements are no rows of {columns} for each of {experts.Length} items; their experts are I32.",
                nameof(experts));
        }

        if (perExpert.Length == 0 || perExpert.Length % columns != 0)
        {
            throw new ArgumentException(
                $"{perExpert.Length} elements are no rows of {columns} for experts.", nameof(perExpert));
        }

        CheckTable(rows, DType.Float32, rows.Length, nameof(rows));
        CheckTable(perExpert, DType.Float32, perExpert.Length, nameof(perExpert));
    }

    private static void CheckInPlace(DeviceSpan source, DeviceSpan destination)
    {
        if (source.Overlaps(destination) && source != destination)
        {
            throw new ArgumentException(
                "The destination overlaps a source without being the same elements.", nameof(destination));
        }
    }
}
