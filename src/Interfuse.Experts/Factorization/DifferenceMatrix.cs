using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts.Schemes;

namespace Interfuse.Experts.Factorization;

/// <summary>
/// A matrix E [m, n] of float32 on a device, to be multiplied by from both sides: the products are the device's
/// (<see cref="DeviceQueue.MatMul(in GroupedBank, int, DeviceSpan, DeviceSpan)"/>), and so the same bits on each.
/// </summary>
internal sealed class DifferenceMatrix : IDisposable
{
    // Elements that come from the device, or go there, at a time.
    private const int Piece = 1 << 22;

    private readonly DeviceQueue _queue;
    private readonly DeviceSpan _values;
    private readonly DeviceBuffer _index;
    private DeviceBuffer? _turned;

    /// <summary>Takes a matrix.</summary>
    /// <param name="queue">A queue of its device.</param>
    /// <param name="values">E, F32; stays as it is while this is used.</param>
    /// <param name="matrix">m and n.</param>
    public DifferenceMatrix(DeviceQueue queue, DeviceSpan values, TensorMatrix matrix)
    {
        _queue = queue;
        _values = values;
        Rows = checked((int)matrix.Rows);
        Columns = checked((int)matrix.Columns);
        _index = DeviceLoad.Identity(Math.Max(Rows, Columns), queue);
    }

    /// <summary>m.</summary>
    public int Rows { get; }

    /// <summary>n.</summary>
    public int Columns { get; }

    /// <summary>The shorter side.</summary>
    public int Side => Math.Min(Rows, Columns);

    /// <summary>The bytes of the device's memory, besides E, that are taken for products with so many vectors.</summary>
    public static long BytesFor(TensorMatrix matrix, int vectors) => sizeof(float) * (
        (matrix.Rows * matrix.Columns)
        + (vectors * (matrix.Rows + matrix.Columns))
        + Math.Max(matrix.Rows, matrix.Columns));

    /// <summary>The squared norm, in float64, in the order of <see cref="DeviceQueue.Dot"/>.</summary>
    public double Energy()
    {
        var tiles = new DotProducts[TileGrid.TileCount(_values.Length)];
        _queue.Dot(_values, _values, tiles);
        double energy = 0;
        foreach (DotProducts tile in tiles)
        {
            energy += tile.AA;
        }

        return energy;
    }

    /// <summary>Multiplies vectors by E, or by its transpose.</summary>
    /// <param name="vectors">[t, n], or [t, m] for the transpose.</param>
    /// <param name="transposed">Whether by the transpose.</param>
    /// <returns>[t, m], or [t, n] for the transpose.</returns>
    public HostMatrix Multiply(HostMatrix vectors, bool transposed)
    {
        (int channels, int columns) = transposed ? (Columns, Rows) : (Rows, Columns);
        var bank = new GroupedBank(
            transposed ? Turned() : _values, _index.Span(DType.Int32, channels), 1, channels, columns);
        using DeviceBuffer from = _queue.Device.Allocate((long)vectors.Rows * columns * sizeof(float));
        using DeviceBuffer to = _queue.Device.Allocate((long)vectors.Rows * channels * sizeof(float));
        DeviceSpan x = from.Span(DType.Float32, (long)vectors.Rows * columns);
        DeviceSpan y = to.Span(DType.Float32, (long)vectors.Rows * channels);
        for (int row = 0; row < vectors.Rows; row++)
        {
            _queue.Upload(MemoryMarshal.AsBytes<float>(vectors[row]), x.Slice((long)row * columns, columns));
        }

        _queue.MatMul(bank, 0, x, y);
        var product = new HostMatrix(vectors.Rows, channels);
        for (int row = 0; row < vectors.Rows; row++)
        {
            _queue.Download(y.Slice((long)row * channels, channels), MemoryMarshal.AsBytes(product[row].AsSpan()));
        }

        return product;
    }

    /// <summary>E on the host, or its transpose.</summary>
    public HostMatrix ToHost(bool transposed)
    {
        var result = new HostMatrix(transposed ? Columns : Rows, transposed ? Rows : Columns);
        Visit((row, values) =>
        {
            if (transposed)
            {
                for (int column = 0; column < values.Length; column++)
                {
                    result[column][row] = values[column];
                }
            }
            else
            {
                values.CopyTo(result[row]);
            }
        });
        return result;
    }

    public void Dispose()
    {
        _index.Dispose();
        _turned?.Dispose();
    }

    // The transpose, made when it is first asked for: some of its rows at a time, for which E is visited once each time.
    private DeviceSpan Turned()
    {
        if (_turned is not null)
        {
            return _turned.Span(DType.Float32, _values.Length);
        }

        _turned = _queue.Device.Allocate(_values.ByteLength);
        DeviceSpan turned = _turned.Span(DType.Float32, _values.Length);
        int step = Math.Clamp(4 * Piece / Rows, 1, Columns);
        float[] some = new float[step * Rows];
        for (int start = 0; start < Columns; start += step)
        {
            int first = start;
            int count = Math.Min(step, Columns - start);
            Visit((row, values) =>
            {
                for (int column = 0, at = row; column < count; column++, at += Rows)
                {
                    some[at] = values[first + column];
                }
            });
            _queue.Upload(
                MemoryMarshal.AsBytes(some.AsSpan(0, count * Rows)),
                turned.Slice((long)first * Rows, (long)count * Rows));
        }

        return turned;
    }

    private void Visit(RowVisitor visit)
    {
        int step = Math.Clamp(Piece / Columns, 1, Rows);
        float[] some = new float[step * Columns];
        for (int start = 0; start < Rows; start += step)
        {
            int count = Math.Min(step, Rows - start);
            Span<float> rows = some.AsSpan(0, count * Columns);
            _queue.Download(
                _values.Slice((long)start * Columns, (long)count * Columns), MemoryMarshal.AsBytes(rows));
            for (int row = 0; row < count; row++)
            {
                visit(start + row, rows.Slice(row * Columns, Columns));
            }
        }
    }

    private delegate void RowVisitor(int row, ReadOnlySpan<float> values);
}
