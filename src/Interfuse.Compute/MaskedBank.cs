using Interfuse.Checkpoints;

namespace Interfuse.Compute;

/// <summary>
/// One weight matrix [m, n] of several experts, each of which adds to a base those elements of one unified task vector
/// that its mask names, times a scale of its own: EMR-Merging (arXiv 2405.17461).
/// </summary>
/// <remarks>
/// <para>
/// Element (i, j) of expert e is the base's as it is stored where the mask's bit is 0. Where it is 1 it is
/// <c>base + scale * unified</c>: both widened to float32, the product and the sum rounded each, the result rounded to
/// the matrix's type, a NaN as the canonical one.
/// </para>
/// <para>
/// The mask lies in the device's memory, so nothing here looks at it: bits beyond the last column may be anything to the
/// operations, though packs keep them zero.
/// </para>
/// </remarks>
public readonly record struct MaskedBank
{
    /// <summary>Columns that a word of the mask covers.</summary>
    public const int ColumnsPerWord = 32;

    /// <summary>Describes a bank.</summary>
    /// <param name="baseValues">The base matrix [m, n], of type BF16, F16, F32 or F64.</param>
    /// <param name="unified">The unified task vector [m, n], of the same type.</param>
    /// <param name="mask">[N, m, ceil(n / 32)], UInt32: bit k of word w of a row is column 32 w + k.</param>
    /// <param name="scales">[N], Float32: what an expert multiplies the task vector by.</param>
    /// <param name="experts">N, 1 or more.</param>
    /// <param name="channels">m, 1 or more.</param>
    /// <param name="columns">n, 1 to 2^31 - 1.</param>
    /// <exception cref="ArgumentException">Lengths or types do not fit.</exception>
    public MaskedBank(
        DeviceSpan baseValues, DeviceSpan unified, DeviceSpan mask, DeviceSpan scales, int experts, long channels, long columns)
    {
        BankShape.CheckMatrix(baseValues, experts, channels, columns, nameof(baseValues));
        BankShape.CheckMatrix(unified, experts, channels, columns, nameof(unified));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(columns, int.MaxValue);
        if (!baseValues.DType.IsArithmetic() || unified.DType != baseValues.DType)
        {
            throw new ArgumentException(
                $"The base is {baseValues.DType.SafetensorsName()} and the task vector {unified.DType.SafetensorsName()}; "
                + "both must be BF16, F16, F32 or F64.",
                nameof(unified));
        }

        long words = Words(columns);
        long rows = mask.Length / words;
        if (mask.DType != DType.UInt32 || mask.Length % words != 0 || rows / experts != channels || rows % experts != 0)
        {
            throw new ArgumentException(
                $"The mask is {mask.Length} elements of {mask.DType.SafetensorsName()}; "
                + $"{experts} times {channels} times {words} of U32 are needed.",
                nameof(mask));
        }

        if (scales.DType != DType.Float32 || scales.Length != experts)
        {
            throw new ArgumentException(
                $"The scales are {scales.Length} elements of {scales.DType.SafetensorsName()}; {experts} of F32 are needed.",
                nameof(scales));
        }

        BaseValues = baseValues;
        Unified = unified;
        Mask = mask;
        Scales = scales;
        Experts = experts;
        Channels = channels;
        Columns = columns;
    }

    /// <summary>The base matrix [m, n].</summary>
    public DeviceSpan BaseValues { get; }

    /// <summary>The unified task vector [m, n].</summary>
    public DeviceSpan Unified { get; }

    /// <summary>[N, m, ceil(n / 32)], UInt32: which elements an expert takes of the task vector.</summary>
    public DeviceSpan Mask { get; }

    /// <summary>[N], Float32: what an expert multiplies the task vector by.</summary>
    public DeviceSpan Scales { get; }

    /// <summary>N, the number of experts.</summary>
    public int Experts { get; }

    /// <summary>m, the rows of one expert's matrix.</summary>
    public long Channels { get; }

    /// <summary>n, the elements of a row.</summary>
    public long Columns { get; }

    /// <summary>Words that the mask has for a row.</summary>
    public long WordsPerRow => Words(Columns);

    internal BankShape Shape => new(0, Experts, Channels, Columns, BaseValues.DType);

    /// <summary>Words that a mask has for a row of so many columns.</summary>
    public static long Words(long columns) => (columns / ColumnsPerWord) + (columns % ColumnsPerWord == 0 ? 0 : 1);
}
