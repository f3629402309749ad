using System.Runtime.CompilerServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Schemes;

/// <summary>
/// A dense matrix for all experts, and of each expert some elements of its own that take the place of the dense ones, as
/// <see cref="SparseBank"/> has it: Mediator (arXiv 2502.04411).
/// </summary>
/// <remarks>
/// Under the tensor's own name stands the dense matrix. Parts: <c>starts</c>, I32 [N * m + 1], where the values of expert
/// e's row i begin, at e * m + i, and end, at the next; <c>places</c>, the columns of all values, ascending within a row,
/// U16 where n is at most 65536 and else I32; <c>values</c>, as many, of the tensor's type.
/// </remarks>
internal sealed class SparseScheme : PackScheme
{
    public const string Name = "sparse";
    public const string StartsPart = "starts";
    public const string PlacesPart = "places";
    public const string ValuesPart = "values";

    private readonly TensorMatrix _matrix;
    private readonly int _experts;
    private readonly int _size;
    private readonly MappedTensor _dense;
    private readonly MappedTensor _starts;
    private readonly MappedTensor _places;
    private readonly MappedTensor _values;

    public SparseScheme(TensorSpec tensor, PackParts parts)
    {
        _matrix = TensorMatrix.Of(tensor.Shape);
        _experts = parts.Experts.Count;
        _size = tensor.DType.Size();
        _dense = parts.TakeWhole(tensor);
        if (_matrix.Columns > int.MaxValue)
        {
            throw PackParts.Unfit(_dense, $"a matrix with rows of up to {int.MaxValue} elements");
        }

        _starts = parts.TakePart(tensor, StartsPart, DType.Int32, [(_experts * _matrix.Rows) + 1]);
        _values = parts.TakePart(tensor, ValuesPart, tensor.DType);
        if (_values.Info.Shape is not [>= 0 and <= int.MaxValue])
        {
            throw PackParts.Unfit(_values, $"a list of up to {int.MaxValue}");
        }

        _places = parts.TakePart(
            tensor, PlacesPart, SparseBank.PlacesType(_matrix.Columns), _values.Info.Shape.AsSpan());
        new SparseCheck(_matrix, parts.Experts, _starts, _places).Run();
    }

    public override bool HasShared => true;

    public override long BankRows => _matrix.Rows;

    public override long StoredBytes => _dense.Info.ByteLength + _values.Info.ByteLength;

    public override long TableBytes => _starts.Info.ByteLength + _places.Info.ByteLength;

    public override unsafe void Copy(int expert, long byteOffset, byte* destination, long length)
    {
        if (length == 0)
        {
            return;
        }

        using MappedTensor.Pin dense = _dense.Hold();
        Buffer.MemoryCopy(dense.Address + byteOffset, destination, length, length);
        if (expert < 0)
        {
            return;
        }

        using MappedTensor.Pin starts = _starts.Hold();
        using MappedTensor.Pin places = _places.Hold();
        using MappedTensor.Pin values = _values.Hold();
        long rowBytes = _matrix.Columns * _size;
        long lastRow = (byteOffset + length - 1) / rowBytes;
        for (long row = byteOffset / rowBytes; row <= lastRow; row++)
        {
            byte* entry = starts.Address + (((expert * _matrix.Rows) + row) * sizeof(int));
            int first = Unsafe.ReadUnaligned<int>(entry);
            int end = Unsafe.ReadUnaligned<int>(entry + sizeof(int));
            if (first < 0 || first > end || end > _values.Info.ElementCount)
            {
                throw Changed();
            }

            Put(
                places.Address, values.Address, first, end, (row * rowBytes) - byteOffset, destination, length);
        }
    }

    public override LoadedTensor Load(PackTensor tensor, DeviceQueue queue) =>
        SparseTensor.Load(tensor.Spec, _experts, _dense, _starts, _places, _values, queue);

    // Puts a row's values into the bytes that are asked for, which may begin and end within an element.
    private unsafe void Put(
        byte* places, byte* values, int first, int end, long rowStart, byte* destination, long length)
    {
        for (int value = FirstFrom(places, first, end, -rowStart / _size); value < end; value++)
        {
            long column = Column(places, value);
            long start = rowStart + (column * _size);
            if (start >= length)
            {
                return;
            }

            byte* source = values + ((long)value * _size);
            if (start >= 0 && start <= length - _size)
            {
                switch (_size)
                {
                    case sizeof(ushort):
                        Unsafe.WriteUnaligned(destination + start, Unsafe.ReadUnaligned<ushort>(source));
                        break;
                    case sizeof(uint):
                        Unsafe.WriteUnaligned(destination + start, Unsafe.ReadUnaligned<uint>(source));
                        break;
                    default:
                        Buffer.MemoryCopy(source, destination + start, _size, _size);
                        break;
                }
            }
            else if (start > -_size)
            {
                long from = Math.Max(start, 0);
                long count = Math.Min(start + _size, length) - from;
                Buffer.MemoryCopy(source + (from - start), destination + from, count, count);
            }
        }
    }

    // The first of a row's values whose column is not below this one.
    private unsafe int FirstFrom(byte* places, int first, int end, long column)
    {
        while (column > 0 && first < end)
        {
            int middle = first + ((end - first) / 2);
            if (Column(places, middle) < column)
            {
                first = middle + 1;
            }
            else
            {
                end = middle;
            }
        }

        return first;
    }

    private unsafe long Column(byte* places, int value)
    {
        long column = _places.Info.DType == DType.UInt16
            ? Unsafe.ReadUnaligned<ushort>(places + ((long)value * sizeof(ushort)))
            : Unsafe.ReadUnaligned<int>(places + ((long)value * sizeof(int)));
        return column >= 0 && column < _matrix.Columns ? column : throw Changed();
    }

    // Everything was checked when the pack was opened, but another program may have written to the file since.
    private CheckpointFormatException Changed() => new(
        _starts.Path, "changed since the pack was opened; do not write to a pack that is in use", _starts.Info.Name);
}
