using System.Runtime.CompilerServices;

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
        var kernel = new TaskVectorKernel<Float32Source, Float32Sink>(
            new Float32Source(baseValues), new Float32Source(expert), minimumBits, new Float32Sink(destination));
        Launch(ref kernel, destination.Length);
    }

    /// <summary>
    /// The same for stored bfloat16 values, of any number. Returns how many of the stored results are infinite or NaN.
    /// </summary>
    internal int TaskVector(
        ReadOnlySpan<byte> baseValues, ReadOnlySpan<byte> expert, uint minimumBits, BFloat16Sink destination)
    {
        var kernel = new TaskVectorKernel<BFloat16Source, BFloat16Sink>(
            new BFloat16Source(baseValues), new BFloat16Source(expert), minimumBits, destination);
        LaunchPairs(ref kernel, destination.Length);
        return kernel.Destination.NonFinite;
    }

    private ref struct TaskVectorKernel<TSource, TSink>(
        TSource baseValues, TSource expert, uint minimumBits, TSink destination) : IKernel
        where TSource : struct, IElementSource, allows ref struct
        where TSink : struct, IElementSink, allows ref struct
    {
        private readonly TSource _base = baseValues;
        private readonly TSource _expert = expert;
        private readonly uint _bound = Delta.Bound(minimumBits);

        // Not private, or it would have to be readonly, and a sink counts.
        internal TSink Destination = destination;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat delta = Delta.Of<TSource, TLanes, TFloat, TBits>(_base, _expert, index);
            Destination.Store<TLanes, TFloat, TBits>(Delta.Trim<TLanes, TFloat, TBits>(delta, _bound), index);
        }
    }
}
