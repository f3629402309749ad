using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Encoders;

/// <summary>Elects the unified task vector of some rows of a matrix at a time, in memory of a bench.</summary>
internal sealed class UnifiedRows
{
    private readonly MatrixBench _bench;
    private readonly long _columns;
    private readonly long _words;
    private readonly DeviceSpan _base;
    private readonly DeviceSpan _unified;
    private readonly DeviceSpan _masks;
    private readonly DeviceSpan _sums;
    private readonly byte[] _host;

    /// <summary>Takes memory for the matrix at work.</summary>
    public UnifiedRows(MatrixBench bench)
    {
        PlannedMatrix matrix = bench.Matrix;
        long rows = MatrixBench.RowsPerVisit(matrix);
        _bench = bench;
        _columns = matrix.Columns;
        _words = MaskedBank.Words(matrix.Columns);
        _base = bench.Take(matrix.Spec.DType, rows * _columns);
        _unified = bench.Take(matrix.Spec.DType, rows * _columns);
        _masks = bench.Take(DType.UInt32, bench.Experts * rows * _words);
        _sums = bench.Take(DType.Float64, rows * bench.Experts * AgreementSums.Count);
        _host = new byte[_sums.ByteLength];
    }

    /// <summary>What it takes, in bytes.</summary>
    public static long BytesFor(PlannedMatrix matrix, int experts) => MatrixBench.RowsPerVisit(matrix)
        * ((2 * matrix.RowBytes)
            + (experts * MaskedBank.Words(matrix.Columns) * sizeof(uint))
            + (2 * experts * AgreementSums.Count * sizeof(double)));

    /// <summary>Elects: what the other members give is of these rows until the next call.</summary>
    public void Elect(long rows, DeviceSpan baseValues, ReadOnlySpan<DeviceSpan> experts) => _bench.Queue.ElectUnified(
        baseValues, experts, rows, Values(rows), _masks.Slice(0, experts.Length * rows * _words), Sums(rows));

    /// <summary>The base in the pack's type.</summary>
    public DeviceSpan Base(long rows, DeviceSpan baseValues)
    {
        if (baseValues.DType == _base.DType)
        {
            return baseValues;
        }

        DeviceSpan converted = _base.Slice(0, rows * _columns);
        _bench.Queue.Convert(baseValues, converted);
        return converted;
    }

    /// <summary>The unified task vector.</summary>
    public DeviceSpan Values(long rows) => _unified.Slice(0, rows * _columns);

    /// <summary>An expert's mask.</summary>
    public DeviceSpan Mask(long rows, int expert) => _masks.Slice(expert * rows * _words, rows * _words);

    /// <summary>Adds the rows' sums to those of the experts, in the order of the rows.</summary>
    public void AddSums(long rows, Span<AgreementSums> sums)
    {
        DeviceSpan stored = Sums(rows);
        Span<byte> bytes = _host.AsSpan(0, checked((int)stored.ByteLength));
        _bench.Queue.Download(stored, bytes);
        ReadOnlySpan<AgreementSums> rowSums = MemoryMarshal.Cast<byte, AgreementSums>(bytes);
        for (int place = 0; place < rowSums.Length; place++)
        {
            sums[place % sums.Length] += rowSums[place];
        }
    }

    private DeviceSpan Sums(long rows) => _sums.Slice(0, rows * _bench.Experts * AgreementSums.Count);
}
