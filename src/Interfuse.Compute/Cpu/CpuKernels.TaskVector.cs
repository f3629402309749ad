using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>
    /// The trimmed task vector: <c>delta = expert - base</c>, or 0 where its magnitude bits are small.
    /// </summary>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="expert">The expert's values.</param>
    /// <param name="minimumBits">Magnitude bits below this are trimmed to 0; 0 trims nothing.</param>
    /// <param name="destination">Receives the task vector.</param>
    /// <exception cref="ArgumentException">Lengths or overlap break the rules of the class.</exception>
    public void TaskVector(
        ReadOnlySpan<float> baseValues, ReadOnlySpan<float> expert, uint minimumBits, Span<float> destination)
    {
        CheckSource(baseValues, destination);
        CheckSource(expert, destination);
        var kernel = new TaskVectorKernel(baseValues, expert, minimumBits, destination);
        Launch(ref kernel, destination.Length);
    }

    private readonly ref struct TaskVectorKernel(
        ReadOnlySpan<float> baseValues, ReadOnlySpan<float> expert, uint minimumBits, Span<float> destination) : IKernel
    {
        private readonly ref readonly float _base = ref MemoryMarshal.GetReference(baseValues);
        private readonly ref readonly float _expert = ref MemoryMarshal.GetReference(expert);
        private readonly uint _minimumBits = minimumBits;
        private readonly ref float _destination = ref MemoryMarshal.GetReference(destination);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat delta = Delta.Of<TLanes, TFloat, TBits>(in _base, in _expert, index);
            TLanes.Store(Delta.Trim<TLanes, TFloat, TBits>(delta, _minimumBits), ref _destination, index);
        }
    }
}
