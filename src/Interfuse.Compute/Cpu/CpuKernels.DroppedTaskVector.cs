using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>
    /// The task vector with values dropped at random and the rest rescaled: DARE (Yu et al., 2024). Element i becomes
    /// <c>scale * (expert - base)</c> where <c>words[i] &lt; keepBelow</c>, else 0.
    /// </summary>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="expert">The expert's values.</param>
    /// <param name="words">One random word per element, see <see cref="PhiloxWords"/>.</param>
    /// <param name="keepBelow">The share to keep, in units of 2^-32.</param>
    /// <param name="scale">What the kept values are multiplied by: 1 / density, or 1.</param>
    /// <param name="destination">Receives the task vector.</param>
    /// <exception cref="ArgumentException">Lengths or overlap break the rules of the class.</exception>
    public void DroppedTaskVector(
        ReadOnlySpan<float> baseValues,
        ReadOnlySpan<float> expert,
        ReadOnlySpan<uint> words,
        uint keepBelow,
        float scale,
        Span<float> destination)
    {
        CheckSource(baseValues, destination);
        CheckSource(expert, destination);
        CheckSource(MemoryMarshal.Cast<uint, float>(words), destination, nameof(words));
        var kernel = new DroppedTaskVectorKernel(baseValues, expert, words, keepBelow, scale, destination);
        Launch(ref kernel, destination.Length);
    }

    private readonly ref struct DroppedTaskVectorKernel(
        ReadOnlySpan<float> baseValues,
        ReadOnlySpan<float> expert,
        ReadOnlySpan<uint> words,
        uint keepBelow,
        float scale,
        Span<float> destination) : IKernel
    {
        private readonly Float32Source _base = new(baseValues);
        private readonly Float32Source _expert = new(expert);
        private readonly ref readonly uint _words = ref MemoryMarshal.GetReference(words);
        private readonly uint _keepBelow = keepBelow;
        private readonly float _scale = scale;
        private readonly ref float _destination = ref MemoryMarshal.GetReference(destination);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat delta = Delta.Of<Float32Source, TLanes, TFloat, TBits>(_base, _expert, index);
            TFloat scaled = TLanes.Multiply(TLanes.Broadcast(_scale), delta);
            TBits kept = TLanes.GreaterThan(TLanes.Broadcast(_keepBelow), TLanes.Load(in _words, index));
            TLanes.Store(TLanes.Select(kept, scaled, TLanes.Broadcast(0f)), ref _destination, index);
        }
    }
}
