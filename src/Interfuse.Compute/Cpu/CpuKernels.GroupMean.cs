using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>
    /// The base and, times lambda, the mean task vector of some experts: with <c>v = (1 / count) * (x - base)</c>,
    /// <c>base + lambda * (sum v)</c>. A single expert's values are copied, whatever lambda is.
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
        if (members.Length == 1)
        {
            experts[members[0]].CopyTo(destination);
            return;
        }

        AddTerms(
            new Float32Source(baseValues), new MeanTerms<Float32Rows>(new Float32Rows(experts), members),
            new Consensus(Normalize: false, lambda, ZeroSum.NoMajority), new Float32Sink(destination),
            destination.Length);
    }

    /// <summary>Contributions of some experts to their mean: <c>v = (1 / count) * (x - base)</c>.</summary>
    private readonly ref struct MeanTerms<TRows>(TRows experts, ReadOnlySpan<byte> members) : IMergeTerms
        where TRows : struct, IElementRows, allows ref struct
    {
        private readonly TRows _experts = experts;
        private readonly ref readonly byte _members = ref MemoryMarshal.GetReference(members);
        private readonly float _weight = 1f / members.Length;

        public nuint Count { get; } = (nuint)members.Length;

        public float Weight(nuint expert) => _weight;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TFloat Value<TLanes, TFloat, TBits>(nuint expert, nuint index, TFloat baseValue)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            nuint row = Unsafe.Add(ref Unsafe.AsRef(in _members), expert);
            TFloat delta = TLanes.Subtract(_experts.Load<TLanes, TFloat, TBits>(row, index), baseValue);
            return TLanes.Multiply(TLanes.Broadcast(_weight), delta);
        }
    }
}
