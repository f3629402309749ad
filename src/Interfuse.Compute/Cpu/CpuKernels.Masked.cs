using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>
    /// Adds to a base what a mask lets through: <c>r = base + scale * unified</c> where the mask's bit is set, the
    /// product and the sum rounded each, else <c>r = base</c>.
    /// </summary>
    /// <param name="baseValues">The base.</param>
    /// <param name="unified">What is added.</param>
    /// <param name="mask">Bit k of word w is element 32 w + k.</param>
    /// <param name="scale">What it is multiplied by before.</param>
    /// <param name="destination">Receives the result.</param>
    /// <exception cref="ArgumentException">Lengths or overlap break the rules of the class.</exception>
    public void AddMasked(
        ReadOnlySpan<float> baseValues,
        ReadOnlySpan<float> unified,
        ReadOnlySpan<uint> mask,
        float scale,
        Span<float> destination)
    {
        CheckSource(baseValues, destination);
        CheckSource(unified, destination);
        CheckLength(mask.Length, checked((int)MaskedBank.Words(destination.Length)), nameof(mask));
        var kernel = new AddMaskedKernel(baseValues, unified, mask, scale, destination);
        Launch(ref kernel, destination.Length);
    }

    /// <summary>
    /// A part of a masked row as float32, in one pass: <c>base + scale * unified</c> where the mask's bit is set, rounded
    /// to the stored type, else <c>base</c>.
    /// </summary>
    /// <param name="baseValues">The base's little-endian bytes.</param>
    /// <param name="unified">The bytes of what is added.</param>
    /// <param name="dtype">The type of both: BF16 or F32.</param>
    /// <param name="mask">Bit k of word w is element 32 w + k.</param>
    /// <param name="scale">What is added is multiplied by this before.</param>
    /// <param name="destination">Receives the result.</param>
    /// <exception cref="ArgumentException">The type is another one, or the lengths do not match.</exception>
    internal void WidenMasked(
        ReadOnlySpan<byte> baseValues,
        ReadOnlySpan<byte> unified,
        DType dtype,
        ReadOnlySpan<uint> mask,
        float scale,
        Span<float> destination)
    {
        CheckStored(baseValues, dtype, destination, nameof(baseValues));
        CheckStored(unified, dtype, destination, nameof(unified));
        CheckLength(mask.Length, checked((int)MaskedBank.Words(destination.Length)), nameof(mask));
        switch (dtype)
        {
            case DType.BFloat16:
                // The lower half of a NaN's payload would be rounded into its sign; those that are stored have none.
                var brain = new WidenMaskedKernel<BFloat16Source, ToBFloat16>(
                    new(baseValues), new(unified), mask, float.IsNaN(scale) ? float.NaN : scale, destination);
                Launch(ref brain, destination.Length);
                break;
            case DType.Float32:
                var single = new WidenMaskedKernel<Float32Source, ToFloat32>(
                    new(MemoryMarshal.Cast<byte, float>(baseValues)),
                    new(MemoryMarshal.Cast<byte, float>(unified)),
                    mask,
                    scale,
                    destination);
                Launch(ref single, destination.Length);
                break;
            default:
                throw new ArgumentException(
                    $"{dtype.SafetensorsName()} is neither BF16 nor F32: widen it.", nameof(dtype));
        }
    }

    /// <summary>Replaces stored elements by others where a mask's bit is set, whatever their bits.</summary>
    /// <param name="others">The others' bytes.</param>
    /// <param name="size">The bytes of an element: 2, 4 or 8.</param>
    /// <param name="mask">Bit k of word w is element 32 w + k.</param>
    /// <param name="stored">The bytes of the elements that are replaced.</param>
    internal void Replace(ReadOnlySpan<byte> others, int size, ReadOnlySpan<uint> mask, Span<byte> stored)
    {
        int elements = stored.Length / size;
        CheckLength(others.Length, stored.Length, nameof(others));
        CheckLength(mask.Length, checked((int)MaskedBank.Words(elements)), nameof(mask));
        switch (size)
        {
            case sizeof(ushort):
                var half = new ReplaceUInt16Kernel(others, mask, stored);
                Launch(ref half, elements);
                break;
            case sizeof(uint):
                var word = new ReplaceUInt32Kernel(others, mask, stored);
                Launch(ref word, elements);
                break;
            default:
                ReadOnlySpan<ulong> from = MemoryMarshal.Cast<byte, ulong>(others);
                Span<ulong> to = MemoryMarshal.Cast<byte, ulong>(stored);
                for (int i = 0; i < to.Length; i++)
                {
                    to[i] = ((mask[i / 32] >> (i % 32)) & 1) != 0 ? from[i] : to[i];
                }

                break;
        }
    }

    private readonly ref struct AddMaskedKernel(
        ReadOnlySpan<float> baseValues,
        ReadOnlySpan<float> unified,
        ReadOnlySpan<uint> mask,
        float scale,
        Span<float> destination) : IKernel
    {
        private readonly ref readonly float _base = ref MemoryMarshal.GetReference(baseValues);
        private readonly ref readonly float _unified = ref MemoryMarshal.GetReference(unified);
        private readonly ref readonly uint _mask = ref MemoryMarshal.GetReference(mask);
        private readonly ref float _destination = ref MemoryMarshal.GetReference(destination);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat value = TLanes.Load(in _base, index);
            TFloat added = TLanes.Multiply(TLanes.Broadcast(scale), TLanes.Load(in _unified, index));
            TLanes.Store(
                TLanes.Select(TLanes.BitMask(in _mask, index), TLanes.Add(value, added), value), ref _destination, index);
        }
    }

    /// <summary>What a float32 becomes when it is stored and widened again.</summary>
    private interface IRounding
    {
        static abstract TFloat Round<TLanes, TFloat, TBits>(TFloat value)
            where TLanes : struct, ILanes<TFloat, TBits>;
    }

    private readonly struct ToBFloat16 : IRounding
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TFloat Round<TLanes, TFloat, TBits>(TFloat value)
            where TLanes : struct, ILanes<TFloat, TBits> =>
            TLanes.AsFloat(TLanes.And(
                RoundUp<TLanes, TFloat, TBits>(TLanes.AsBits(value), 16), TLanes.Broadcast(0xFFFF_0000u)));
    }

    private readonly struct ToFloat32 : IRounding
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TFloat Round<TLanes, TFloat, TBits>(TFloat value)
            where TLanes : struct, ILanes<TFloat, TBits> => value;
    }

    private readonly ref struct WidenMaskedKernel<TSource, TRounding>(
        TSource baseValues, TSource unified, ReadOnlySpan<uint> mask, float scale, Span<float> destination) : IKernel
        where TSource : struct, IElementSource, allows ref struct
        where TRounding : struct, IRounding
    {
        private readonly TSource _base = baseValues;
        private readonly TSource _unified = unified;
        private readonly ref readonly uint _mask = ref MemoryMarshal.GetReference(mask);
        private readonly ref float _destination = ref MemoryMarshal.GetReference(destination);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat value = _base.Load<TLanes, TFloat, TBits>(index);
            TFloat added = TLanes.Multiply(TLanes.Broadcast(scale), _unified.Load<TLanes, TFloat, TBits>(index));
            TFloat sum = TRounding.Round<TLanes, TFloat, TBits>(TLanes.Add(value, added));
            TLanes.Store(TLanes.Select(TLanes.BitMask(in _mask, index), sum, value), ref _destination, index);
        }
    }

    private readonly ref struct ReplaceUInt16Kernel(ReadOnlySpan<byte> others, ReadOnlySpan<uint> mask, Span<byte> stored)
        : IKernel
    {
        private readonly ref readonly ushort _others =
            ref Unsafe.As<byte, ushort>(ref MemoryMarshal.GetReference(others));

        private readonly ref readonly uint _mask = ref MemoryMarshal.GetReference(mask);
        private readonly ref ushort _stored = ref Unsafe.As<byte, ushort>(ref MemoryMarshal.GetReference(stored));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits> =>
            TLanes.Store(
                TLanes.Select(
                    TLanes.BitMask(in _mask, index), TLanes.Load(in _others, index), TLanes.Load(in _stored, index)),
                ref _stored,
                index);
    }

    private readonly ref struct ReplaceUInt32Kernel(ReadOnlySpan<byte> others, ReadOnlySpan<uint> mask, Span<byte> stored)
        : IKernel
    {
        private readonly ref readonly uint _others =
            ref Unsafe.As<byte, uint>(ref MemoryMarshal.GetReference(others));

        private readonly ref readonly uint _mask = ref MemoryMarshal.GetReference(mask);
        private readonly ref uint _stored = ref Unsafe.As<byte, uint>(ref MemoryMarshal.GetReference(stored));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits> =>
            TLanes.Store(
                TLanes.Select(
                    TLanes.BitMask(in _mask, index), TLanes.Load(in _others, index), TLanes.Load(in _stored, index)),
                ref _stored,
                index);
    }
}
