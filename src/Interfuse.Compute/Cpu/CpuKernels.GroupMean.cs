using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>
    /// The mean of some experts' rows: their sum in order, begun with the first, divided by their number if that is
    /// more
    /// than one. With a lambda other than 1, <c>base + lambda * (mean - base)</c>.
    /// </summary>
    /// <param name="experts">One row per expert.</param>
    /// <param name="members">Which of them, at least one.</param>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="lambda">Scales the mean task vector.</param>
    /// <param name="destination">Receives the group's values.</param>
    /// <exception cref="ArgumentException">There is no member, or lengths or overlap break the rules of the
    /// class.</exception>
    public void GroupMean(
        Rows experts, ReadOnlySpan<byte> members, ReadOnlySpan<float> baseValues, float lambda, Span<float> destination)
    {
        CheckRows(experts, experts.Count, destination);
        CheckSource(baseValues, destination);
        foreach (byte member in members)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(member, experts.Count, nameof(members));
        }

        ArgumentOutOfRangeException.ThrowIfZero(members.Length, nameof(members));
        var kernel = new GroupMeanKernel(experts, members, baseValues, lambda, destination);
        Launch(ref kernel, destination.Length);
    }

    private readonly ref struct GroupMeanKernel(
        Rows experts, ReadOnlySpan<byte> members, ReadOnlySpan<float> baseValues, float lambda, Span<float> destination)
        : IKernel
    {
        private readonly ref readonly float _experts = ref MemoryMarshal.GetReference(experts.Data);
        private readonly nuint _stride = (nuint)experts.Stride;
        private readonly ReadOnlySpan<byte> _members = members;
        private readonly ref readonly float _base = ref MemoryMarshal.GetReference(baseValues);
        private readonly float _lambda = lambda;
        private readonly ref float _destination = ref MemoryMarshal.GetReference(destination);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat mean = TLanes.Load(in _experts, (_members[0] * _stride) + index);
            for (int member = 1; member < _members.Length; member++)
            {
                mean = TLanes.Add(mean, TLanes.Load(in _experts, (_members[member] * _stride) + index));
            }

            if (_members.Length > 1)
            {
                mean = TLanes.Divide(mean, TLanes.Broadcast((float)_members.Length));
            }

            if (_lambda != 1f)
            {
                TFloat value = TLanes.Load(in _base, index);
                TFloat delta = TLanes.Multiply(TLanes.Broadcast(_lambda), TLanes.Subtract(mean, value));
                mean = TLanes.Add(value, delta);
            }

            TLanes.Store(mean, ref _destination, index);
        }
    }
}
