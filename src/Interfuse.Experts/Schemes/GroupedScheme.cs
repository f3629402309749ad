using System.Runtime.CompilerServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Schemes;

/// <summary>A bank of rows, and a table of which of them is an expert's row.</summary>
internal sealed class GroupedScheme : PackScheme
{
    public const string Name = "grouped";

    private readonly MappedTensor _bank;
    private readonly MappedTensor _table;
    private readonly int _experts;
    private readonly long _rows;
    private readonly long _rowBytes;

    public GroupedScheme(TensorSpec tensor, PackParts parts)
    {
        TensorMatrix matrix = TensorMatrix.Of(tensor.Shape);
        _experts = parts.Experts.Count;
        _rows = matrix.Rows;
        _rowBytes = matrix.Columns * tensor.DType.Size();
        _bank = parts.TakeBank(tensor);
        if (_bank.Info.Shape is not [long bankRows and >= 0 and <= int.MaxValue, long columns] || columns != matrix.Columns)
        {
            throw PackParts.Unfit(_bank, $"a bank of [R, {matrix.Columns}] with R up to {int.MaxValue}");
        }

        BankRows = bankRows;
        _table = parts.TakeTable(tensor);
        if (_table.Info.DType != DType.Int32 || !_table.Info.Shape.AsSpan().SequenceEqual([_experts, _rows]))
        {
            throw PackParts.Unfit(_table, $"a table of I32 [{_experts}, {_rows}]");
        }

        CheckTable(parts.Experts);
    }

    public override long BankRows { get; }

    public override long StoredBytes => _bank.Info.ByteLength;

    public override long TableBytes => _table.Info.ByteLength;

    public override unsafe void Copy(int expert, long byteOffset, byte* destination, long length)
    {
        if (length == 0)
        {
            return;
        }

        using MappedTensor.Pin bank = _bank.Hold();
        using MappedTensor.Pin table = _table.Hold();
        byte* entry = table.Address + (((expert * _rows) + (byteOffset / _rowBytes)) * sizeof(int));
        long skipped = byteOffset % _rowBytes;
        while (length > 0)
        {
            // Rows that lie one after the other in the bank go in one piece.
            long first = Unsafe.ReadUnaligned<int>(entry);
            long count = 1;
            for (entry += sizeof(int);
                 (count * _rowBytes) - skipped < length && Unsafe.ReadUnaligned<int>(entry) == first + count;
                 entry += sizeof(int))
            {
                count++;
            }

            CheckStillThere(first, count);
            long bytes = Math.Min((count * _rowBytes) - skipped, length);
            Buffer.MemoryCopy(bank.Address + (first * _rowBytes) + skipped, destination, bytes, bytes);
            destination += bytes;
            length -= bytes;
            skipped = 0;
        }
    }

    public override LoadedTensor Load(PackTensor tensor, DeviceQueue queue) => BankedTensor.Load(
        tensor.Spec, _experts, _bank, _table, queue);

    private unsafe void CheckTable(IReadOnlyList<string> experts)
    {
        using MappedTensor.Pin table = _table.Hold();
        long at = TableScan.FirstOutside(table.Address, _experts * _rows, (uint)BankRows);
        if (at >= 0)
        {
            int row = Unsafe.ReadUnaligned<int>(table.Address + (at * sizeof(int)));
            throw new CheckpointFormatException(
                _table.Path,
                $"leads row {at % _rows} of the expert '{experts[(int)(at / _rows)]}' to row {row} of a bank of {BankRows}; "
                + "the pack is damaged, make it again",
                _table.Info.Name);
        }
    }

    // The table was checked when the pack was opened, but another program may have written to the file since.
    private void CheckStillThere(long first, long count)
    {
        if (first < 0 || first + count > BankRows)
        {
            throw new CheckpointFormatException(
                _table.Path, "changed since the pack was opened; do not write to a pack that is in use", _table.Info.Name);
        }
    }
}
