using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute.Cuda;

namespace Interfuse.Compute.Tests.Cuda;

/// <summary>A base and an expert on a queue's device, and the magnitudes of their deltas on the host.</summary>
internal sealed class SelectionInputs : IDisposable
{
    private readonly DeviceBuffer _base;
    private readonly DeviceBuffer _expert;
    private readonly uint[] _sorted;

    public SelectionInputs(
        CudaQueue queue, float[] baseValues, DType baseType, float[] expert, DType expertType, int offset = 0)
    {
        (_base, Base) = Upload(queue, baseValues, baseType, offset);
        (_expert, Expert) = Upload(queue, expert, expertType, offset);
        Deltas = new float[expert.Length];
        for (int i = 0; i < Deltas.Length; i++)
        {
            float from = Widen(Narrow(baseValues[i], baseType), baseType);
            Deltas[i] = Widen(Narrow(expert[i], expertType), expertType) - from;
        }

        // All NaNs have one magnitude.
        Magnitudes = Array.ConvertAll(
            Deltas, delta => float.IsNaN(delta) ? 0x7FC0_0000u : BitConverter.SingleToUInt32Bits(MathF.Abs(delta)));
        _sorted = [.. Magnitudes];
        Array.Sort(_sorted);
    }

    public DeviceSpan Base { get; }

    public DeviceSpan Expert { get; }

    public float[] Deltas { get; }

    public uint[] Magnitudes { get; }

    /// <summary>The magnitude that this many magnitudes are at or above, by sorting.</summary>
    public uint NthLargest(long n) => _sorted[_sorted.Length - n];

    /// <summary>What the k largest are, by sorting.</summary>
    public TopKThreshold Threshold(long keep)
    {
        uint bits = NthLargest(keep);
        long rest = keep;
        long equal = 0;
        foreach (uint magnitude in Magnitudes)
        {
            rest -= magnitude > bits ? 1 : 0;
            equal += magnitude == bits ? 1 : 0;
        }

        if (rest == equal)
        {
            return new TopKThreshold(bits, long.MaxValue);
        }

        int cut = Array.IndexOf(Magnitudes, bits);
        for (; rest > 0; rest--)
        {
            cut = Array.IndexOf(Magnitudes, bits, cut + 1);
        }

        return new TopKThreshold(bits, cut);
    }

    public void Dispose()
    {
        _base.Dispose();
        _expert.Dispose();
    }

    /// <summary>A float of a type, from the lower bits.</summary>
    public static double Exact(ulong bits, DType dtype) => dtype switch
    {
        DType.BFloat16 => BitConverter.UInt32BitsToSingle((uint)bits << 16),
        DType.Float16 => (float)BitConverter.UInt16BitsToHalf((ushort)bits),
        DType.Float32 => BitConverter.UInt32BitsToSingle((uint)bits),
        _ => BitConverter.UInt64BitsToDouble(bits),
    };

    /// <summary>The bits of a value in a type, rounded to nearest even.</summary>
    public static ulong Narrow(float value, DType dtype)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return dtype switch
        {
            DType.BFloat16 => float.IsNaN(value) ? 0x7FC0u : (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16,
            DType.Float16 => float.IsNaN(value) ? 0x7E00u : BitConverter.HalfToUInt16Bits((Half)value),
            DType.Float32 => float.IsNaN(value) ? 0x7FC0_0000u : bits,
            _ => float.IsNaN(value) ? 0x7FF8_0000_0000_0000u : BitConverter.DoubleToUInt64Bits(value),
        };
    }

    private static float Widen(ulong bits, DType dtype) => (float)Exact(bits, dtype);

    private static (DeviceBuffer Buffer, DeviceSpan Span) Upload(
        CudaQueue queue, float[] values, DType dtype, int offset)
    {
        int size = dtype.Size();
        byte[] bytes = new byte[values.Length * size];
        for (int i = 0; i < values.Length; i++)
        {
            ulong bits = Narrow(values[i], dtype);
            MemoryMarshal.AsBytes(new Span<ulong>(ref bits))[..size].CopyTo(bytes.AsSpan(i * size));
        }

        DeviceBuffer buffer = queue.Device.Allocate(bytes.Length + ((long)offset * size));
        var span = new DeviceSpan(buffer, (long)offset * size, dtype, values.Length);
        queue.Upload(bytes, span);
        return (buffer, span);
    }
}
