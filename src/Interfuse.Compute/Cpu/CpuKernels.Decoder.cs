using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>A row of <see cref="DeviceQueue.RmsNorm"/>.</summary>
    internal void RmsNorm(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, float epsilon, Span<float> y)
    {
        float mean = FusedDot(MemoryMarshal.AsBytes(x), Checkpoints.DType.Float32, x) / x.Length;
        float scale = 1f / MathF.Sqrt(mean + epsilon);
        var kernel = new ScaleKernel(x, weights, scale, y);
        Launch(ref kernel, x.Length);
    }

    /// <summary><c>y = y + x</c>.</summary>
    internal void Add(ReadOnlySpan<float> x, Span<float> y)
    {
        var kernel = new AddKernel(x, y);
        Launch(ref kernel, x.Length);
    }

    /// <summary>One head of <see cref="DeviceQueue.Rotate"/>: its halves, and the cosines and sines.</summary>
    internal void Rotate(Span<float> lower, Span<float> upper, ReadOnlySpan<float> cosines, ReadOnlySpan<float> sines)
    {
        var kernel = new RotateKernel(lower, upper, cosines, sines);
        Launch(ref kernel, lower.Length);
    }

    /// <summary><see cref="DeviceQueue.SwiGlu"/>.</summary>
    internal void SwiGlu(ReadOnlySpan<float> gate, ReadOnlySpan<float> up, Span<float> y)
    {
        var kernel = new SwiGluKernel(gate, up, y);
        Launch(ref kernel, y.Length);
    }

    private readonly ref struct ScaleKernel(
        ReadOnlySpan<float> x, ReadOnlySpan<float> weights, float scale, Span<float> y) : IKernel
    {
        private readonly ref readonly float _x = ref MemoryMarshal.GetReference(x);
        private readonly ref readonly float _weights = ref MemoryMarshal.GetReference(weights);
        private readonly ref float _y = ref MemoryMarshal.GetReference(y);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat scaled = TLanes.Multiply(TLanes.Load(in _x, index), TLanes.Broadcast(scale));
            TLanes.Store(TLanes.Multiply(scaled, TLanes.Load(in _weights, index)), ref _y, index);
        }
    }

    private readonly ref struct AddKernel(ReadOnlySpan<float> x, Span<float> y) : IKernel
    {
        private readonly ref readonly float _x = ref MemoryMarshal.GetReference(x);
        private readonly ref float _y = ref MemoryMarshal.GetReference(y);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits> =>
            TLanes.Store(TLanes.Add(TLanes.Load(in _y, index), TLanes.Load(in _x, index)), ref _y, index);
    }

    private readonly ref struct RotateKernel(
        Span<float> lower, Span<float> upper, ReadOnlySpan<float> cosines, ReadOnlySpan<float> sines) : IKernel
    {
        private readonly ref float _lower = ref MemoryMarshal.GetReference(lower);
        private readonly ref float _upper = ref MemoryMarshal.GetReference(upper);
        private readonly ref readonly float _cosines = ref MemoryMarshal.GetReference(cosines);
        private readonly ref readonly float _sines = ref MemoryMarshal.GetReference(sines);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat a = TLanes.Load(in _lower, index);
            TFloat b = TLanes.Load(in _upper, index);
            TFloat cosine = TLanes.Load(in _cosines, index);
            TFloat sine = TLanes.Load(in _sines, index);
            TLanes.Store(TLanes.Subtract(TLanes.Multiply(a, cosine), TLanes.Multiply(b, sine)), ref _lower, index);
            TLanes.Store(TLanes.Add(TLanes.Multiply(b, cosine), TLanes.Multiply(a, sine)), ref _upper, index);
        }
    }

    private readonly ref struct SwiGluKernel(ReadOnlySpan<float> gate, ReadOnlySpan<float> up, Span<float> y) : IKernel
    {
        private readonly ref readonly float _gate = ref MemoryMarshal.GetReference(gate);
        private readonly ref readonly float _up = ref MemoryMarshal.GetReference(up);
        private readonly ref float _y = ref MemoryMarshal.GetReference(y);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat gate = TLanes.Load(in _gate, index);
            TFloat power = Exp<TLanes, TFloat, TBits>(TLanes.Subtract(TLanes.Broadcast(0f), gate));
            TFloat opened = TLanes.Divide(gate, TLanes.Add(TLanes.Broadcast(1f), power));
            TLanes.Store(TLanes.Multiply(opened, TLanes.Load(in _up, index)), ref _y, index);
        }
    }
}
