using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>The weighted sum of the inputs: <c>r = ((w0*x0) + w1*x1) + w2*x2 ...</c>.</summary>
    /// <param name="inputs">One row per input, at least one.</param>
    /// <param name="weights">One weight per input.</param>
    /// <param name="destination">Receives the sum.</param>
    /// <exception cref="ArgumentException">
    /// There is no input, or lengths or overlap break the rules of the class.
    /// </exception>
    public void LinearCombination(Rows inputs, ReadOnlySpan<float> weights, Span<float> destination)
    {
        CheckRows(inputs, weights.Length, destination);
        var kernel = new LinearCombinationKernel(inputs, weights, destination);
        Launch(ref kernel, destination.Length);
    }

    private readonly ref struct LinearCombinationKernel(
        Rows inputs, ReadOnlySpan<float> weights, Span<float> destination) : IKernel
    {
        private readonly ReadyTerms _terms = new(inputs, weights);
        private readonly ref float _destination = ref MemoryMarshal.GetReference(destination);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat sum = MergeSum.Of<ReadyTerms, TLanes, TFloat, TBits>(_terms, index, TLanes.Broadcast(0f));
            TLanes.Store(sum, ref _destination, index);
        }
    }
}
