using System.Buffers.Binary;
using Interfuse.Checkpoints;

namespace Interfuse.Merging.Tests;

/// <summary>Tensors of any floating-point type, from numbers.</summary>
internal static class SmallFloats
{
    /// <summary>A tensor whose elements are drawn one by one and rounded to its type.</summary>
    public static (TensorSpec Spec, byte[] Data) Of(string name, DType dtype, long[] shape, Func<float> next)
    {
        var spec = new TensorSpec(name, dtype, [.. shape]);
        byte[] data = new byte[spec.ByteLength];
        for (int offset = 0; offset < data.Length; offset += dtype.Size())
        {
            Span<byte> element = data.AsSpan(offset);
            float value = next();
            switch (dtype)
            {
                case DType.BFloat16:
                    BinaryPrimitives.WriteUInt16LittleEndian(
                        element, (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
                    break;
                case DType.Float16:
                    BinaryPrimitives.WriteHalfLittleEndian(element, (Half)value);
                    break;
                case DType.Float32:
                    BinaryPrimitives.WriteSingleLittleEndian(element, value);
                    break;
                default:
                    throw new NotSupportedException($"no test needs {dtype}");
            }
        }

        return (spec, data);
    }
}
