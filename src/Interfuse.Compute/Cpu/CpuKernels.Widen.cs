using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>
    /// Converts stored values to float32: exactly, but for float64, which is rounded to nearest even.
    /// </summary>
    /// <param name="source">The values' little-endian bytes, at any alignment.</param>
    /// <param name="dtype">Their type: BF16, F16, F32 or F64.</param>
    /// <param name="destination">Receives one float per value.</param>
    /// <exception cref="ArgumentException">
    /// The type is another one, the lengths do not match, or the memory overlaps (only F32 may be converted in place).
    /// </exception>
    public void Widen(ReadOnlySpan<byte> source, DType dtype, Span<float> destination)
    {
        CheckStored(source, dtype, destination, nameof(source));
        switch (dtype)
        {
            case DType.BFloat16:
                var fromBFloat16 = new WidenBFloat16Kernel(source, destination);
                Launch(ref fromBFloat16, destination.Length);
                break;
            case DType.Float16:
                var fromFloat16 = new WidenFloat16Kernel(source, destination);
                Launch(ref fromFloat16, destination.Length);
                break;
            case DType.Float32:
                source.CopyTo(MemoryMarshal.AsBytes(destination));
                break;
            default:
                var fromFloat64 = new WidenFloat64Kernel(source, destination);
                Launch(ref fromFloat64, destination.Length);
                break;
        }
    }

    // For both directions: stored bytes on one side, floats on the other.
    private static void CheckStored(ReadOnlySpan<byte> stored, DType dtype, ReadOnlySpan<float> values, string name)
    {
        if (!dtype.IsArithmetic())
        {
            throw new ArgumentException(
                $"There is no arithmetic on {dtype.SafetensorsName()}; give BF16, F16, F32 or F64.", nameof(dtype));
        }

        if (stored.Length != (long)values.Length * dtype.Size())
        {
            throw new ArgumentException(
                $"{values.Length} values of {dtype.SafetensorsName()} do not fill {stored.Length} bytes.", name);
        }

        if (stored.Overlaps(MemoryMarshal.AsBytes(values), out int offset) && (offset != 0 || dtype != DType.Float32))
        {
            throw new ArgumentException("The destination overlaps the source without being the same values.", name);
        }
    }

    private readonly ref struct WidenBFloat16Kernel(ReadOnlySpan<byte> source, Span<float> destination) : IKernel
    {
        private readonly BFloat16Source _source = new(source);
        private readonly Float32Sink _destination = new(destination);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits> =>
            _destination.Store<TLanes, TFloat, TBits>(_source.Load<TLanes, TFloat, TBits>(index), index);
    }

    private readonly ref struct WidenFloat16Kernel(ReadOnlySpan<byte> source, Span<float> destination) : IKernel
    {
        private readonly ref readonly ushort _source =
            ref Unsafe.As<byte, ushort>(ref MemoryMarshal.GetReference(source));
        private readonly ref float _destination = ref MemoryMarshal.GetReference(destination);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            // The exponent's bias is 15 there and 127 here.
            TBits rebias = TLanes.Broadcast((127u - 15u) << 23);
            TBits half = TLanes.Load(in _source, index);
            TBits sign = TLanes.ShiftLeft(TLanes.And(half, TLanes.Broadcast(0x8000u)), 16);
            TBits magnitude = TLanes.ShiftLeft(TLanes.And(half, TLanes.Broadcast(0x7FFFu)), 13);
            TBits exponent = TLanes.And(magnitude, TLanes.Broadcast(0x7C00u << 13));
            TBits normal = TLanes.Add(magnitude, rebias);
            TBits special = TLanes.Add(normal, rebias);

            // m * 2^-24, got from 2^-14 * (1 + m * 2^-10) without a float32 denormal, on which multiplication is slow.
            TBits smallest = TLanes.Broadcast((127u - 14u) << 23);
            TBits denormal = TLanes.AsBits(
                TLanes.Subtract(TLanes.AsFloat(TLanes.Add(magnitude, smallest)), TLanes.AsFloat(smallest)));

            TBits isDenormal = TLanes.Equal(exponent, TLanes.Broadcast(0u));
            TBits isSpecial = TLanes.Equal(exponent, TLanes.Broadcast(0x7C00u << 13));
            TBits widened = TLanes.Select(isSpecial, special, TLanes.Select(isDenormal, denormal, normal));
            TLanes.Store(TLanes.AsFloat(TLanes.Or(sign, widened)), ref _destination, index);
        }
    }

    private readonly ref struct WidenFloat64Kernel(ReadOnlySpan<byte> source, Span<float> destination) : IKernel
    {
        private readonly ref readonly double _source =
            ref Unsafe.As<byte, double>(ref MemoryMarshal.GetReference(source));
        private readonly ref float _destination = ref MemoryMarshal.GetReference(destination);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits> =>
            TLanes.Store(TLanes.Load(in _source, index), ref _destination, index);
    }
}
