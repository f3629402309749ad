using Interfuse.Checkpoints;

namespace Interfuse.Experts.Encoders;

/// <summary>How one matrix is stored by rows, now that its values are known.</summary>
/// <param name="Matrix">The matrix.</param>
/// <param name="IsShared">Whether one stands for all experts.</param>
/// <param name="Groups">The group of expert e in unit u, at u * N + e; empty where the matrix is shared.</param>
/// <param name="Twins">
/// The lowest expert with the same bytes as expert e in unit u, at u * N + e; empty where such bytes are averaged too.
/// </param>
/// <param name="Energies">What grouping loses, or null where nothing is compared.</param>
internal sealed record StoredMatrix(
    PlannedMatrix Matrix, bool IsShared, byte[] Groups, byte[] Twins, DeltaEnergies? Energies)
    : StoredTensor(Matrix)
{
    // The first bank row of each channel, and their number after the last.
    private readonly int[] _rowStarts = IsShared ? [] : RowStarts(Matrix, Groups);

    /// <summary>The rows of the bank, R.</summary>
    public long BankRows => IsShared ? Matrix.Channels : _rowStarts[^1];

    /// <inheritdoc/>
    public override string Scheme => IsShared ? "shared" : "grouped";

    /// <inheritdoc/>
    public override bool HasTable => !IsShared;

    /// <summary>The tensor to write: the bank, or the matrix itself.</summary>
    public override TensorSpec Bank => IsShared ? Matrix.Spec : Matrix.Spec with { Shape = [BankRows, Matrix.Columns] };

    /// <summary>The first bank row of a channel.</summary>
    public long BankStart(long channel) => IsShared ? channel : _rowStarts[channel];

    /// <summary>Fills in the table of some channels, [N, rows]: bank rows counted from the first channel's first.</summary>
    public void FillTable(long firstChannel, int rows, int experts, long origin, Span<int> table)
    {
        for (int row = 0; row < rows; row++)
        {
            long channel = firstChannel + row;
            int start = (int)(BankStart(channel) - origin);
            int unit = (int)(channel / Matrix.HeadRows) * experts;
            for (int expert = 0; expert < experts; expert++)
            {
                table[(expert * rows) + row] = start + (IsShared ? 0 : Groups[unit + expert]);
            }
        }
    }

    /// <summary>
    /// Turns a chunk's table into that to merge by. Of a group whose experts all have the same bytes only the lowest stays
    /// in its row, which so becomes these bytes; the others go to a row behind the bank's, one per channel at most, that
    /// is not stored.
    /// </summary>
    /// <param name="firstChannel">The chunk's first channel.</param>
    /// <param name="rows">The chunk's channels.</param>
    /// <param name="experts">N.</param>
    /// <param name="bankRows">The chunk's rows of the bank.</param>
    /// <param name="table">As <see cref="FillTable"/> leaves it, [N, rows].</param>
    /// <returns>How many rows behind the bank's there are; with these no channel has more than N rows.</returns>
    public int SetTwinsApart(long firstChannel, int rows, int experts, int bankRows, Span<int> table)
    {
        int spare = 0;
        Span<int> places = stackalloc int[experts];
        for (int row = 0; row < rows && Twins.Length > 0; row++)
        {
            int unit = (int)((firstChannel + row) / Matrix.HeadRows) * experts;
            for (int expert = 0; expert < experts; expert++)
            {
                places[expert] = table[(expert * rows) + row];
            }

            bool isSpareUsed = false;
            for (int expert = 1; expert < experts; expert++)
            {
                if (places.IndexOf(places[expert]) < expert && AreTwins(places, places[expert], unit))
                {
                    table[(expert * rows) + row] = bankRows + spare;
                    isSpareUsed = true;
                }
            }

            spare += isSpareUsed ? 1 : 0;
        }

        return spare;
    }

    private bool AreTwins(ReadOnlySpan<int> places, int place, int unit)
    {
        byte twin = Twins[unit + places.IndexOf(place)];
        for (int expert = 0; expert < places.Length; expert++)
        {
            if (places[expert] == place && Twins[unit + expert] != twin)
            {
                return false;
            }
        }

        return true;
    }

    private static int[] RowStarts(PlannedMatrix matrix, byte[] groups)
    {
        int experts = groups.Length == 0 ? 0 : (int)(groups.Length / matrix.Units);
        int[] starts = new int[matrix.Channels + 1];
        for (long channel = 0; channel < matrix.Channels; channel++)
        {
            int unit = (int)(channel / matrix.HeadRows) * experts;
            int count = 0;
            foreach (byte group in groups.AsSpan(unit, experts))
            {
                count = Math.Max(count, group + 1);
            }

            starts[channel + 1] = checked(starts[channel] + count);
        }

        return starts;
    }
}
