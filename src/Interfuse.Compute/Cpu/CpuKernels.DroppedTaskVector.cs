using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>
    /// The task vector with values dropped at random and the rest rescaled: DARE (Yu et al., 2024). Element i becomes
    /// <c>scale * (expert - base)</c> where <c>numbers[i] &lt; keepBelow</c>, else 0.
    /// </summary>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="expert">The expert's values.</param>
    /// <param name="numbers">One random number per element, see <see cref="PhiloxNumbers(ulong, ulong, long, Span{ushort})"/>.</param>
    /// <param name="keepBelow">The share to keep, in units of 2^-16.</param>
    /// <param name="scale">What the kept values are multiplied by: 1 / density, or 1.</param>
    /// <param name="destination">Receives the task vector.</param>
    /// <exception cref="ArgumentException">Lengths or overlap break the rules of the class.</exception>
    public void DroppedTaskVector(
        ReadOnlySpan<float> baseValues,
        ReadOnlySpan<float> expert,
        ReadOnlySpan<ushort> numbers,
        ushort keepBelow,
        float scale,
        Span<float> destination)
    {
        CheckSource(baseValues, destination);
        CheckSource(expert, destination);
        CheckLength(numbers.Length, destination.Length, nameof(numbers));
        if (MemoryMarshal.AsBytes(numbers).Overlaps(MemoryMarshal.AsBytes(destination)))
        {
            throw new ArgumentException("The destination overlaps the numbers.", nameof(destination));
        }

        var kernel = new DroppedTaskVectorKernel(baseValues, expert, numbers, keepBelow, scale, destination);
        Launch(ref kernel, destination.Length);
    }

    private readonly ref struct DroppedTaskVectorKernel(
        ReadOnlySpan<float> baseValues,
        ReadOnlySpan<float> expert,
        ReadOnlySpan<ushort> numbers,
        ushort keepBelow,
        float scale,
        Span<float> destination) : IKernel
    {
        private readonly Float32Source _base = new(baseValues);
        private readonly Float32Source _expert = new(expert);
        private readonly ref readonly ushort _numbers = ref MemoryMarshal.GetReference(numbers);
        private readonly uint _keepBelow = (uint)keepBelow << 16;
        private readonly float _scale = scale;
        private readonly ref float _destination = ref MemoryMarshal.GetReference(destination);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat delta = Delta.Of<Float32Source, TLanes, TFloat, TBits>(_base, _expert, index);
            TFloat kept = TLanes.MultiplyWhereBelow(
                TLanes.LoadUpper(in _numbers, index), TLanes.Broadcast(_keepBelow), TLanes.Broadcast(_scale), delta);
            TLanes.Store(kept, ref _destination, index);
        }
    }
}
