using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>
    /// Converts stored bfloat16 values to float32, of any number. Returns how many are infinite or NaN.
    /// </summary>
    internal int Convert(ReadOnlySpan<byte> source, StoredFloat32Sink destination)
    {
        var kernel = new ConvertKernel<BFloat16Source, StoredFloat32Sink>(new BFloat16Source(source), destination);
        LaunchPairs(ref kernel, source.Length / sizeof(ushort));
        return kernel.Destination.NonFinite;
    }

    /// <summary>
    /// Rounds stored float32 values to bfloat16, of any number. Returns how many of the stored results are infinite or
    /// NaN.
    /// </summary>
    internal int Convert(ReadOnlySpan<byte> source, BFloat16Sink destination)
    {
        var kernel = new ConvertKernel<Float32Source, BFloat16Sink>(
            new Float32Source(MemoryMarshal.Cast<byte, float>(source)), destination);
        LaunchPairs(ref kernel, destination.Length);
        return kernel.Destination.NonFinite;
    }

    private ref struct ConvertKernel<TSource, TSink>(TSource source, TSink destination) : IKernel
        where TSource : struct, IElementSource, allows ref struct
        where TSink : struct, IElementSink, allows ref struct
    {
        private readonly TSource _source = source;

        // Not private, or it would have to be readonly, and a sink counts.
        internal TSink Destination = destination;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits> =>
            Destination.Store<TLanes, TFloat, TBits>(_source.Load<TLanes, TFloat, TBits>(index), index);
    }
}
