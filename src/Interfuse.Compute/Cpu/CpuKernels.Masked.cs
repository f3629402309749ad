using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

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
}
