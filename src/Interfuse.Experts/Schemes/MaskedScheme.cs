using System.Runtime.CompilerServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Schemes;

/// <summary>
/// A base, one unified task vector, and of each expert which of its elements it takes and by what it scales them, as
/// <see cref="MaskedBank"/> has it: EMR-Merging (arXiv 2405.17461).
/// </summary>
/// <remarks>
/// Under the tensor's own name stands the base. Parts: <c>unified</c>, of the tensor's type and shape; <c>mask</c>, U32
/// [N, m, ceil(n / 32)], whose bits beyond the last column are zero; <c>scales</c>, F32 [N], finite.
/// </remarks>
internal sealed class MaskedScheme : PackScheme
{
    public const string Name = "masked";
    public const string UnifiedPart = "unified";
    public const string MaskPart = "mask";
    public const string ScalesPart = "scales";

    private readonly DType _dtype;
    private readonly TensorMatrix _matrix;
    private readonly int _experts;
    private readonly MappedTensor _base;
    private readonly MappedTensor _unified;
    private readonly MappedTensor _mask;
    private readonly MappedTensor _scales;

    public MaskedScheme(TensorSpec tensor, PackParts parts)
    {
        _dtype = tensor.DType;
        _matrix = TensorMatrix.Of(tensor.Shape);
        _experts = parts.Experts.Count;
        _base = parts.TakeWhole(tensor);
        if (!_dtype.IsArithmetic() || _matrix.Columns > int.MaxValue)
        {
            throw PackParts.Unfit(_base, $"BF16, F16, F32 or F64 with rows of up to {int.MaxValue} elements");
        }

        _unified = parts.TakePart(tensor, UnifiedPart, _dtype, tensor.Shape.AsSpan());
        _mask = parts.TakePart(
            tensor, MaskPart, DType.UInt32, [_experts, _matrix.Rows, MaskedBank.Words(_matrix.Columns)]);
        _scales = parts.TakePart(tensor, ScalesPart, DType.Float32, [_experts]);
        CheckScales(parts.Experts);
        CheckMask(parts.Experts);
    }

    public override long BankRows => 2 * _matrix.Rows;

    public override long StoredBytes => _base.Info.ByteLength + _unified.Info.ByteLength;

    public override long TableBytes => _mask.Info.ByteLength + _scales.Info.ByteLength;

    public override unsafe void Copy(int expert, long byteOffset, byte* destination, long length)
    {
        if (length == 0)
        {
            return;
        }

        using MappedTensor.Pin baseValues = _base.Hold();
        using MappedTensor.Pin unified = _unified.Hold();
        using MappedTensor.Pin mask = _mask.Hold();
        using MappedTensor.Pin scales = _scales.Hold();
        float scale = Unsafe.ReadUnaligned<float>(scales.Address + (expert * sizeof(float)));
        long words = MaskedBank.Words(_matrix.Columns);
        int size = _dtype.Size();
        MaskedBlock block = MaskedBlock.Current;
        while (length > 0)
        {
            // Blocks begin at whole words of the mask; of the first and the last a part may be asked for.
            (long row, long column) = Math.DivRem(byteOffset / size, _matrix.Columns);
            long start = column - (column % MaskedBlock.Length);
            int elements = (int)Math.Min(MaskedBlock.Length, _matrix.Columns - start);
            long first = ((row * _matrix.Columns) + start) * size;
            long word = (((expert * _matrix.Rows) + row) * words) + (start / MaskedBank.ColumnsPerWord);
            ReadOnlySpan<byte> made = block.Make(
                _dtype,
                baseValues.Address + first,
                unified.Address + first,
                mask.Address + (word * sizeof(uint)),
                scale,
                elements);
            made = made[(int)(byteOffset - first)..];
            made = made[..(int)Math.Min(made.Length, length)];
            made.CopyTo(new Span<byte>(destination, made.Length));
            byteOffset += made.Length;
            destination += made.Length;
            length -= made.Length;
        }
    }

    public override LoadedTensor Load(PackTensor tensor, DeviceQueue queue) =>
        MaskedTensor.Load(tensor.Spec, _experts, _base, _unified, _mask, _scales, queue);

    private unsafe void CheckScales(IReadOnlyList<string> experts)
    {
        using MappedTensor.Pin scales = _scales.Hold();
        for (int expert = 0; expert < _experts; expert++)
        {
            float scale = Unsafe.ReadUnaligned<float>(scales.Address + (expert * sizeof(float)));
            if (!float.IsFinite(scale))
            {
                throw new CheckpointFormatException(
                    _scales.Path,
                    $"scales the expert '{experts[expert]}' by {scale}; the pack is damaged, make it again",
                    _scales.Info.Name);
            }
        }
    }

    // Only the last word of a row has bits that stand for no column.
    private unsafe void CheckMask(IReadOnlyList<string> experts)
    {
        int used = (int)(_matrix.Columns % MaskedBank.ColumnsPerWord);
        if (used == 0)
        {
            return;
        }

        using MappedTensor.Pin mask = _mask.Hold();
        long words = MaskedBank.Words(_matrix.Columns);
        long rows = _experts * _matrix.Rows;
        byte* last = mask.Address + ((words - 1) * sizeof(uint));
        for (long row = 0; row < rows; row++, last += words * sizeof(uint))
        {
            if (Unsafe.ReadUnaligned<uint>(last) >> used != 0)
            {
                throw new CheckpointFormatException(
                    _mask.Path,
                    $"has bits beyond the {_matrix.Columns} columns in row {row % _matrix.Rows} of the expert "
                    + $"'{experts[(int)(row / _matrix.Rows)]}'; the pack is damaged, make it again",
                    _mask.Info.Name);
            }
        }
    }
}
