using Interfuse.Checkpoints;

namespace Interfuse.Compute;

/// <summary>
/// One weight matrix [m, n] of several experts whose rows are kept in a bank, where several experts may share a row.
/// </summary>
/// <remarks>
/// The values of the index lie in the device's memory, so nothing here looks at them: whoever makes the bank makes
/// sure that
/// each is a row of it. An operation on a bank with a wrong index is undefined.
/// </remarks>
public readonly record struct GroupedBank
{
    /// <summary>Describes a bank.</summary>
    /// <param name="rows">The bank's rows [R, n], one after the other.</param>
    /// <param name="index">[N, m], Int32: the row of the bank that holds an expert's row, 0 to R - 1.</param>
    /// <param name="experts">N, 1 or more.</param>
    /// <param name="channels">m, 1 or more.</param>
    /// <param name="columns">n, 1 or more.</param>
    /// <exception cref="ArgumentException">The lengths or the index's type do not fit.</exception>
    public GroupedBank(DeviceSpan rows, DeviceSpan index, int experts, long channels, long columns)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(experts, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        if (rows.Length == 0 || rows.Length % columns != 0 || rows.Length / columns > int.MaxValue)
        {
            throw new ArgumentException(
                $"{rows.Length} elements are not 1 to {int.MaxValue} rows of {columns}.", nameof(rows));
        }

        if (index.DType != DType.Int32 || index.Length / experts != channels || index.Length % experts != 0)
        {
            throw new ArgumentException(
                $"The index is {index.Length} elements of {index.DType.SafetensorsName()}; "
                + $"{experts} times {channels} of I32 are needed.",
                nameof(index));
        }

        Rows = rows;
        Index = index;
        Experts = experts;
        Channels = channels;
        Columns = columns;
    }

    /// <summary>The bank's rows [R, n].</summary>
    public DeviceSpan Rows { get; }

    /// <summary>[N, m], Int32: the row of the bank that holds expert e's row i.</summary>
    public DeviceSpan Index { get; }

    /// <summary>N, the number of experts.</summary>
    public int Experts { get; }

    /// <summary>m, the rows of one expert's matrix.</summary>
    public long Channels { get; }

    /// <summary>n, the elements of a row.</summary>
    public long Columns { get; }

    internal BankShape Shape => new(0, Experts, Channels, Columns, Rows.DType);
}

/// <summary>A row of one expert's matrix.</summary>
/// <param name="Expert">The expert, from 0 on.</param>
/// <param name="Row">The row (output channel), from 0 on.</param>
public readonly record struct ExpertRow(int Expert, long Row);
