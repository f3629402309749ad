using Interfuse.Checkpoints;

namespace Interfuse.Experts.Encoders;

/// <summary>How one matrix is stored, now that its values are known.</summary>
/// <param name="Matrix">The matrix.</param>
/// <param name="IsShared">Whether one stands for all experts.</param>
/// <param name="Groups">The group of expert e in unit u, at u * N + e; empty where the matrix is shared.</param>
/// <param name="Energies">What grouping loses, or null where nothing is compared.</param>
internal sealed record StoredMatrix(PlannedMatrix Matrix, bool IsShared, byte[] Groups, DeltaEnergies? Energies)
{
    // The first bank row of each channel, and their number after the last.
    private readonly int[] _rowStarts = IsShared ? [] : RowStarts(Matrix, Groups);

    /// <summary>The rows of the bank, R.</summary>
    public long BankRows => IsShared ? Matrix.Channels : _rowStarts[^1];

    /// <summary>The tensor to write: the bank, or the matrix itself.</summary>
    public TensorSpec Bank => IsShared ? Matrix.Spec : Matrix.Spec with { Shape = [BankRows, Matrix.Columns] };

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

/// <summary>Where every byte of a pack goes.</summary>
internal sealed class PackLayout
{
    public PackLayout(PackPlan plan, IReadOnlyList<StoredMatrix> matrices)
    {
        Matrices = matrices;
        Banks = CheckpointLayout.Create([.. matrices.Select(matrix => matrix.Bank)], plan.Options.ShardSize);
        TensorSpec[] tables = [.. matrices.Where(matrix => !matrix.IsShared).Select(matrix => new TensorSpec(
            matrix.Matrix.Spec.Name, DType.Int32, [plan.Experts.Count, matrix.Matrix.Channels]))];
        Index = tables.Length == 0 ? null : CheckpointLayout.Create(tables, long.MaxValue, stem: "index");
    }

    /// <summary>The matrices, in the order of the plan.</summary>
    public IReadOnlyList<StoredMatrix> Matrices { get; }

    /// <summary>The files of the banks and of what is shared, a tensor per matrix.</summary>
    public CheckpointLayout Banks { get; }

    /// <summary>The file of the tables, one per matrix that is not shared; null where there is none.</summary>
    public CheckpointLayout? Index { get; }

    /// <summary>Bytes of all tensors and tables.</summary>
    public long TensorBytes => Matrices.Sum(matrix => matrix.Bank.ByteLength)
        + (Index?.Shards.Sum(shard => shard.Tensors.Sum(table => table.ByteLength)) ?? 0);

    /// <summary>What a table takes, per channel and expert.</summary>
    public const int TableEntryBytes = sizeof(int);
}
