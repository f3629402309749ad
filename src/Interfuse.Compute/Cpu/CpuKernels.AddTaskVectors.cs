using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    // A sum of weights nearer to zero than this normalizes nothing.
    internal const float SmallestDivisor = 1e-8f;

    /// <summary>
    /// Adds weighted task vectors to the base (Ilharco et al., 2023), with trimming: with
    /// <c>v_i = weight_i * (scale_i * trim(x_i - base))</c>, the result is <c>base + lambda * (sum v_i / D)</c>.
    /// </summary>
    /// <remarks>
    /// D is the sum of the weights, in order, or 1 where its magnitude is below 1e-8; without normalization there is no
    /// division.
    /// </remarks>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="experts">One row per expert, at least one.</param>
    /// <param name="terms">One term per expert.</param>
    /// <param name="consensus">Normalization and lambda.</param>
    /// <param name="destination">Receives the merged values.</param>
    /// <exception cref="ArgumentException">
    /// There is no expert, or lengths or overlap break the rules of the class.
    /// </exception>
    public void AddTaskVectors(
        ReadOnlySpan<float> baseValues,
        Rows experts,
        ReadOnlySpan<BlockTerm> terms,
        Consensus consensus,
        Span<float> destination)
    {
        CheckRows(experts, terms.Length, destination);
        AddTerms(baseValues, new ExpertTerms(experts, terms), consensus, destination);
    }

    /// <summary>
    /// <see cref="AddTaskVectors"/> for task vectors that are ready-made: <c>v_i = weight_i * delta_i</c>.
    /// </summary>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="deltas">One row per task vector, at least one.</param>
    /// <param name="weights">One weight per task vector.</param>
    /// <param name="consensus">Normalization and lambda.</param>
    /// <param name="destination">Receives the merged values.</param>
    /// <exception cref="ArgumentException">
    /// There is no task vector, or lengths or overlap break the rules of the class.
    /// </exception>
    public void AddReadyTaskVectors(
        ReadOnlySpan<float> baseValues,
        Rows deltas,
        ReadOnlySpan<float> weights,
        Consensus consensus,
        Span<float> destination)
    {
        CheckRows(deltas, weights.Length, destination);
        AddTerms(baseValues, new ReadyTerms(deltas, weights), consensus, destination);
    }

    private void AddTerms<TTerms>(
        ReadOnlySpan<float> baseValues, TTerms terms, Consensus consensus, Span<float> destination)
        where TTerms : struct, IMergeTerms, allows ref struct
    {
        CheckSource(baseValues, destination);
        var kernel = new AddTermsKernel<TTerms>(baseValues, terms, consensus, destination);
        Launch(ref kernel, destination.Length);
    }

    private static float Divisor<TTerms>(TTerms terms)
        where TTerms : struct, IMergeTerms, allows ref struct
    {
        float sum = terms.Weight(0);
        for (nuint expert = 1; expert < terms.Count; expert++)
        {
            sum += terms.Weight(expert);
        }

        return MathF.Abs(sum) < SmallestDivisor ? 1f : sum;
    }

    private readonly ref struct AddTermsKernel<TTerms>(
        ReadOnlySpan<float> baseValues, TTerms terms, Consensus consensus, Span<float> destination) : IKernel
        where TTerms : struct, IMergeTerms, allows ref struct
    {
        private readonly ref readonly float _base = ref MemoryMarshal.GetReference(baseValues);
        private readonly TTerms _terms = terms;
        private readonly bool _normalize = consensus.Normalize;
        private readonly float _divisor = Divisor(terms);
        private readonly float _lambda = consensus.Lambda;
        private readonly ref float _destination = ref MemoryMarshal.GetReference(destination);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat baseValue = TLanes.Load(in _base, index);
            TFloat delta = MergeSum.Of<TTerms, TLanes, TFloat, TBits>(_terms, index, baseValue);
            if (_normalize)
            {
                delta = TLanes.Divide(delta, TLanes.Broadcast(_divisor));
            }

            // Multiplying by a lambda of 1 changes nothing, so there is no need to ask.
            delta = TLanes.Multiply(TLanes.Broadcast(_lambda), delta);
            TLanes.Store(TLanes.Add(baseValue, delta), ref _destination, index);
        }
    }
}
