using System.Runtime.CompilerServices;

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
        var kernel = new LinearCombinationKernel<Float32Rows, Float32Sink>(
            new Float32Rows(inputs), weights, new Float32Sink(destination));
        Launch(ref kernel, destination.Length);
    }

    /// <summary>
    /// The same for stored bfloat16 values, of any number. Returns how many of the stored results are infinite or NaN.
    /// </summary>
    internal int LinearCombination(BFloat16Rows inputs, ReadOnlySpan<float> weights, BFloat16Sink destination)
    {
        var kernel = new LinearCombinationKernel<BFloat16Rows, BFloat16Sink>(inputs, weights, destination);
        LaunchPairs(ref kernel, destination.Length);
        return kernel.Destination.NonFinite;
    }

    private ref struct LinearCombinationKernel<TRows, TSink>(
        TRows inputs, ReadOnlySpan<float> weights, TSink destination) : IKernel
        where TRows : struct, IElementRows, allows ref struct
        where TSink : struct, IElementSink, allows ref struct
    {
        private readonly ReadyTerms<TRows> _terms = new(inputs, weights);

        // Not private, or it would have to be readonly, and a sink counts.
        internal TSink Destination = destination;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat sum = MergeSum.Of<ReadyTerms<TRows>, TLanes, TFloat, TBits>(_terms, index, TLanes.Broadcast(0f));
            Destination.Store<TLanes, TFloat, TBits>(sum, index);
        }
    }
}
