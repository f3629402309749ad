using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>
    /// Converts float32 to stored values, rounded to nearest even: too large becomes infinite, denormals are kept, and
    /// every NaN becomes the type's canonical one (sign clear, only the quiet bit set), which makes results comparable
    /// byte for byte.
    /// </summary>
    /// <param name="source">The values.</param>
    /// <param name="dtype">The type to store: BF16, F16, F32 or F64.</param>
    /// <param name="destination">Receives the little-endian bytes, at any alignment.</param>
    /// <returns>How many of the stored values are infinite or NaN.</returns>
    /// <exception cref="ArgumentException">
    /// The type is another one, the lengths do not match, or the memory overlaps (only F32 may be converted in place).
    /// </exception>
    public int Narrow(ReadOnlySpan<float> source, DType dtype, Span<byte> destination)
    {
        CheckStored(destination, dtype, source, nameof(destination));
        switch (dtype)
        {
            case DType.BFloat16:
                var toBFloat16 = new NarrowBFloat16Kernel(source, destination);
                Launch(ref toBFloat16, source.Length);
                return toBFloat16.NonFinite;
            case DType.Float16:
                var toFloat16 = new NarrowFloat16Kernel(source, destination);
                Launch(ref toFloat16, source.Length);
                return toFloat16.NonFinite;
            case DType.Float32:
                var toFloat32 = new NarrowFloat32Kernel(source, destination);
                Launch(ref toFloat32, source.Length);
                return toFloat32.NonFinite;
            default:
                var toFloat64 = new NarrowFloat64Kernel(source, destination);
                Launch(ref toFloat64, source.Length);
                return toFloat64.NonFinite;
        }
    }

    // Infinities and NaNs are the values whose exponent bits are all set.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int CountNonFinite<TLanes, TFloat, TBits>(TBits value, uint exponentBits)
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        TBits exponent = TLanes.Broadcast(exponentBits);
        return BitOperations.PopCount(TLanes.Lanes(TLanes.Equal(TLanes.And(value, exponent), exponent)));
    }

    // Drops the lower bits, rounding to nearest even.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TBits RoundOff<TLanes, TFloat, TBits>(TBits value, int bits)
        where TLanes : struct, ILanes<TFloat, TBits> =>
        TLanes.ShiftRight(RoundUp<TLanes, TFloat, TBits>(value, bits), bits);

    // What gives the value rounded to nearest even once its lower bits are dropped. A carry out of the mantissa goes
    // where it should: into the exponent.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TBits RoundUp<TLanes, TFloat, TBits>(TBits value, int bits)
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        TBits odd = TLanes.And(TLanes.ShiftRight(value, bits), TLanes.Broadcast(1u));
        TBits half = TLanes.Broadcast((1u << (bits - 1)) - 1);
        return TLanes.Add(TLanes.Add(value, half), odd);
    }

    private ref struct NarrowBFloat16Kernel(ReadOnlySpan<float> source, Span<byte> destination) : IKernel
    {
        private readonly Float32Source _source = new(source);
        private BFloat16Sink _destination = new(destination);

        public readonly int NonFinite => _destination.NonFinite;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits> =>
            _destination.Store<TLanes, TFloat, TBits>(_source.Load<TLanes, TFloat, TBits>(index), index);
    }

    private ref struct NarrowFloat16Kernel(ReadOnlySpan<float> source, Span<byte> destination) : IKernel
    {
        private readonly ref readonly float _source = ref MemoryMarshal.GetReference(source);
        private readonly ref ushort _destination =
            ref Unsafe.As<byte, ushort>(ref MemoryMarshal.GetReference(destination));

        public int NonFinite { get; private set; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat value = TLanes.Load(in _source, index);
            TBits magnitude = TLanes.And(TLanes.AsBits(value), TLanes.Broadcast(0x7FFF_FFFFu));
            TBits sign = TLanes.And(TLanes.ShiftRight(TLanes.AsBits(value), 16), TLanes.Broadcast(0x8000u));

            // The exponent's bias is 127 here and 15 there.
            TBits normal = RoundOff<TLanes, TFloat, TBits>(
                TLanes.Subtract(magnitude, TLanes.Broadcast((127u - 15u) << 23)), 13);

            // A half's denormals are multiples of 2^-24, which is the distance of floats from 0.5 on: the addition
            // rounds.
            TBits half = TLanes.Broadcast(126u << 23);
            TBits denormal = TLanes.Subtract(
                TLanes.AsBits(TLanes.Add(TLanes.AsFloat(magnitude), TLanes.AsFloat(half))), half);

            TBits isNormal = TLanes.GreaterOrEqual(magnitude, TLanes.Broadcast((127u - 14u) << 23));
            TBits isInfinite = TLanes.GreaterOrEqual(magnitude, TLanes.Broadcast((127u + 16u) << 23));
            TBits rounded = TLanes.Select(isNormal, normal, denormal);
            rounded = TLanes.Or(sign, TLanes.Select(isInfinite, TLanes.Broadcast(0x7C00u), rounded));
            TBits stored = TLanes.Select(TLanes.Equal(value, value), rounded, TLanes.Broadcast(0x7E00u));
            NonFinite += CountNonFinite<TLanes, TFloat, TBits>(stored, 0x7C00);
            TLanes.Store(stored, ref _destination, index);
        }
    }

    private ref struct NarrowFloat32Kernel(ReadOnlySpan<float> source, Span<byte> destination) : IKernel
    {
        private readonly ref readonly float _source = ref MemoryMarshal.GetReference(source);
        private readonly ref uint _destination = ref Unsafe.As<byte, uint>(ref MemoryMarshal.GetReference(destination));

        public int NonFinite { get; private set; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat value = TLanes.Load(in _source, index);
            TBits stored = TLanes.Select(
                TLanes.Equal(value, value), TLanes.AsBits(value), TLanes.Broadcast(0x7FC0_0000u));
            NonFinite += CountNonFinite<TLanes, TFloat, TBits>(stored, 0x7F80_0000);
            TLanes.Store(stored, ref _destination, index);
        }
    }

    private ref struct NarrowFloat64Kernel(ReadOnlySpan<float> source, Span<byte> destination) : IKernel
    {
        private readonly ref readonly float _source = ref MemoryMarshal.GetReference(source);
        private readonly ref double _destination =
            ref Unsafe.As<byte, double>(ref MemoryMarshal.GetReference(destination));

        public int NonFinite { get; private set; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat value = TLanes.Load(in _source, index);
            TBits stored = TLanes.Select(
                TLanes.Equal(value, value), TLanes.AsBits(value), TLanes.Broadcast(0x7FC0_0000u));
            NonFinite += CountNonFinite<TLanes, TFloat, TBits>(stored, 0x7F80_0000);
            TLanes.Store(TLanes.AsFloat(stored), ref _destination, index);
        }
    }
}
