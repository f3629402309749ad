using Interfuse.Checkpoints;

namespace Interfuse.Compute;

/// <summary>
/// One weight matrix [m, n] of several experts that share a dense matrix, from which each expert differs in a few
/// elements of its own: how Mediator (arXiv 2502.04411) keeps the layers where experts conflict.
/// </summary>
/// <remarks>
/// <para>
/// Row i of expert e is row i of the dense matrix with the expert's values put at their places. They replace what is
/// there and are not added to it, so that kept elements are exact. Expert <see cref="Shared"/> has the dense rows.
/// </para>
/// <para>
/// Starts and places lie in the device's memory, so nothing here looks at them: whoever makes the bank makes sure that
/// the starts begin with 0, never fall and end with the number of values, and that the places of a row ascend strictly
/// and are columns. An operation on a bank where they don't is undefined.
/// </para>
/// </remarks>
public readonly record struct SparseBank
{
    /// <summary>The expert whose rows are the dense matrix's.</summary>
    public const int Shared = -1;

    private const long MostUInt16Columns = ushort.MaxValue + 1L;

    /// <summary>Describes a bank.</summary>
    /// <param name="dense">The matrix all experts share [m, n].</param>
    /// <param name="starts">[N * m + 1], Int32: the values of expert e's row i are those from number
    /// <c>starts[e * m + i]</c> on, up to <c>starts[e * m + i + 1]</c>.</param>
    /// <param name="places">The column of each value, ascending within a row; of <see cref="PlacesType"/>.</param>
    /// <param name="values">The values, of the dense matrix's type.</param>
    /// <param name="experts">N, 1 or more.</param>
    /// <param name="channels">m, 1 or more.</param>
    /// <param name="columns">n, 1 to 2^31 - 1.</param>
    /// <exception cref="ArgumentException">Lengths or types do not fit.</exception>
    public SparseBank(
        DeviceSpan dense, DeviceSpan starts, DeviceSpan places, DeviceSpan values, int experts, long channels, long columns)
    {
        BankShape.CheckMatrix(dense, experts, channels, columns, nameof(dense));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(columns, int.MaxValue);
        long rows = starts.Length - 1;
        if (starts.DType != DType.Int32 || rows / experts != channels || rows % experts != 0)
        {
            throw new ArgumentException(
                $"The starts are {starts.Length} elements of {starts.DType.SafetensorsName()}; "
                + $"{experts} times {channels} and 1 of I32 are needed.",
                nameof(starts));
        }

        if (values.DType != dense.DType || values.Length > int.MaxValue)
        {
            throw new ArgumentException(
                $"{values.Length} values of {values.DType.SafetensorsName()} are not 0 to {int.MaxValue} "
                + $"of {dense.DType.SafetensorsName()}.",
                nameof(values));
        }

        if (places.DType != PlacesType(columns) || places.Length != values.Length)
        {
            throw new ArgumentException(
                $"The places are {places.Length} elements of {places.DType.SafetensorsName()}; "
                + $"{values.Length} of {PlacesType(columns).SafetensorsName()} are needed.",
                nameof(places));
        }

        Dense = dense;
        Starts = starts;
        Places = places;
        Values = values;
        Experts = experts;
        Channels = channels;
        Columns = columns;
    }

    /// <summary>The matrix all experts share [m, n].</summary>
    public DeviceSpan Dense { get; }

    /// <summary>[N * m + 1], Int32: where each row's values begin.</summary>
    public DeviceSpan Starts { get; }

    /// <summary>The column of each value.</summary>
    public DeviceSpan Places { get; }

    /// <summary>The values.</summary>
    public DeviceSpan Values { get; }

    /// <summary>N, the number of experts.</summary>
    public int Experts { get; }

    /// <summary>m, the rows of one expert's matrix.</summary>
    public long Channels { get; }

    /// <summary>n, the elements of a row.</summary>
    public long Columns { get; }

    internal BankShape Shape => new(Shared, Experts, Channels, Columns, Dense.DType);

    /// <summary>The type of places among so many columns: UInt16 where it can count them, else Int32.</summary>
    public static DType PlacesType(long columns) => columns <= MostUInt16Columns ? DType.UInt16 : DType.Int32;
}
