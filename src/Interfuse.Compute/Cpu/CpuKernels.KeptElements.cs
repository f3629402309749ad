using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    private static readonly uint[] Places = [.. Enumerable.Range(0, TileGrid.BlockLength).Select(place => (uint)place)];

    /// <summary>
    /// Where in a block the expert's deltas stand whose magnitude bits are large enough, in their order.
    /// </summary>
    /// <param name="baseValues">The base model's values, at most <see cref="TileGrid.BlockLength"/>.</param>
    /// <param name="expert">The expert's values.</param>
    /// <param name="minimumBits">The smallest magnitude bits to keep.</param>
    /// <param name="places">
    /// Receives the places from its start on. It has room for as many as there are elements; what lies behind the kept
    /// ones, within that length, is scratch.
    /// </param>
    /// <returns>How many there are.</returns>
    /// <exception cref="ArgumentException">The lengths differ, or there is too little room.</exception>
    public int KeptElements(
        ReadOnlySpan<float> baseValues, ReadOnlySpan<float> expert, uint minimumBits, Span<uint> places)
    {
        CheckLength(expert.Length, baseValues.Length, nameof(expert));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(expert.Length, TileGrid.BlockLength, nameof(expert));
        if (places.Length < expert.Length)
        {
            throw new ArgumentException(
                $"There is room for {places.Length} places; {expert.Length} are possible.", nameof(places));
        }

        var kernel = new KeptElementsKernel(baseValues, expert, minimumBits, places);
        Launch(ref kernel, expert.Length);
        return (int)kernel.Kept;
    }

    private ref struct KeptElementsKernel(
        ReadOnlySpan<float> baseValues, ReadOnlySpan<float> expert, uint minimumBits, Span<uint> places) : IKernel
    {
        private readonly Float32Source _base = new(baseValues);
        private readonly Float32Source _expert = new(expert);
        private readonly uint _minimumBits = minimumBits;
        private readonly ref uint _all = ref MemoryMarshal.GetArrayDataReference(Places);
        private readonly ref uint _places = ref MemoryMarshal.GetReference(places);

        public nuint Kept { get; private set; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat delta = Delta.Of<Float32Source, TLanes, TFloat, TBits>(_base, _expert, index);
            TBits isKept = TLanes.GreaterOrEqual(
                Delta.Magnitude<TLanes, TFloat, TBits>(delta), TLanes.Broadcast(_minimumBits));
            TLanes.StoreSelected(isKept, TLanes.Load(in _all, index), ref _places, Kept);
            Kept += (nuint)BitOperations.PopCount(TLanes.Lanes(isKept));
        }
    }
}
