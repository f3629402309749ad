namespace Interfuse.Compute;

public abstract partial class DeviceQueue
{
    /// <summary>Converts elements: widened to float32, rounded to the destination's type.</summary>
    /// <exception cref="ArgumentException">Types, lengths or overlap break the rules of the class.</exception>
    public void Convert(DeviceSpan source, DeviceSpan destination)
    {
        CheckElementwise([source], destination);
        ConvertCore(source, destination);
    }

    /// <summary>The weighted sum of the inputs: <c>r = ((w0*x0) + w1*x1) + w2*x2 ...</c>.</summary>
    /// <remarks>A soup, and with the weights that follow from <see cref="Dot"/> the second half of slerp.</remarks>
    /// <param name="inputs">At least one, and at most <see cref="Device.MaxExperts"/>; types may differ.</param>
    /// <param name="weights">One weight per input.</param>
    /// <param name="destination">Receives the sum.</param>
    /// <exception cref="ArgumentException">Types, counts, lengths or overlap break the rules of the class.</exception>
    public void LinearCombination(
        ReadOnlySpan<DeviceSpan> inputs, ReadOnlySpan<float> weights, DeviceSpan destination)
    {
        CheckExperts(inputs.Length, weights.Length);
        CheckElementwise(inputs, destination);
        LinearCombinationCore(inputs, weights, destination);
    }

    /// <summary>
    /// The trimmed task vector, which is top-k sparsification by mask: <c>expert - base</c>, or +0 where it is not
    /// among
    /// those to keep.
    /// </summary>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="expert">The expert's values.</param>
    /// <param name="keep">What to keep, see <see cref="FindThreshold"/>.</param>
    /// <param name="firstElement">The flat index in the tensor of the first element, a multiple of 8.</param>
    /// <param name="destination">Receives the task vector.</param>
    /// <exception cref="ArgumentException">Types, lengths or overlap break the rules of the class.</exception>
    public void TaskVector(
        DeviceSpan baseValues, DeviceSpan expert, TopKThreshold keep, long firstElement, DeviceSpan destination)
    {
        CheckFirstElement(firstElement);
        CheckElementwise([baseValues, expert], destination);
        TaskVectorCore(baseValues, expert, keep, firstElement, destination);
    }

    /// <summary>
    /// Adds task vectors to the base: task arithmetic (Ilharco et al., 2023), and DARE (Yu et al., 2024) where the
    /// terms
    /// drop. With v_i of <see cref="TaskTerm"/>, the result is <c>base + lambda * (sum v_i / sum weight_i)</c>.
    /// </summary>
    /// <remarks>
    /// The first v starts the sum, so that a sum of negative zeros keeps its sign. Without normalization there is no
    /// division; nor is there where the weights sum to less than 1e-8 in magnitude (their sum taken in input order).
    /// </remarks>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="experts">At least one, at most <see cref="Device.MaxExperts"/>; types may differ.</param>
    /// <param name="terms">One term per expert.</param>
    /// <param name="consensus">Normalization and lambda.</param>
    /// <param name="firstElement">The flat index in the tensor of the first element, a multiple of 8.</param>
    /// <param name="destination">Receives the merged values.</param>
    /// <exception cref="ArgumentException">Types, counts, lengths or overlap break the rules of the class.</exception>
    public void AddTaskVectors(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TaskTerm> terms,
        Consensus consensus,
        long firstElement,
        DeviceSpan destination)
    {
        CheckMerge(baseValues, experts, terms, firstElement, destination);
        AddTaskVectorsCore(baseValues, experts, terms, consensus, firstElement, destination);
    }

    /// <summary>
    /// TIES (Yadav et al., 2023) in one pass over the inputs: trims, elects a sign per element and merges the experts
    /// that
    /// agree with it. With v_i of <see cref="TaskTerm"/>, the result is <c>base + lambda * (sum v_i / D)</c>, where the
    /// sum
    /// and D, the sum of the weights, run over the experts whose v_i is not zero and has the sign of the sum of all v.
    /// </summary>
    /// <remarks>
    /// All sums start at +0. D is 1 where that sum of weights is exactly 0; without normalization there is no division.
    /// Where the sum of all v is zero, <see cref="Consensus.ZeroSum"/> decides; where it is NaN, the result is NaN.
    /// </remarks>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="experts">At least one, at most <see cref="Device.MaxExperts"/>; types may differ.</param>
    /// <param name="terms">One term per expert.</param>
    /// <param name="consensus">Normalization, lambda and the meaning of a zero sum.</param>
    /// <param name="firstElement">The flat index in the tensor of the first element, a multiple of 8.</param>
    /// <param name="destination">Receives the merged values.</param>
    /// <exception cref="ArgumentException">Types, counts, lengths or overlap break the rules of the class.</exception>
    public void ElectAndMerge(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TaskTerm> terms,
        Consensus consensus,
        long firstElement,
        DeviceSpan destination)
    {
        CheckMerge(baseValues, experts, terms, firstElement, destination);
        ElectAndMergeCore(baseValues, experts, terms, consensus, firstElement, destination);
    }

    /// <summary><see cref="Convert"/>, checked.</summary>
    protected abstract void ConvertCore(DeviceSpan source, DeviceSpan destination);

    /// <summary><see cref="LinearCombination"/>, checked.</summary>
    protected abstract void LinearCombinationCore(
        ReadOnlySpan<DeviceSpan> inputs, ReadOnlySpan<float> weights, DeviceSpan destination);

    /// <summary><see cref="TaskVector"/>, checked.</summary>
    protected abstract void TaskVectorCore(
        DeviceSpan baseValues, DeviceSpan expert, TopKThreshold keep, long firstElement, DeviceSpan destination);

    /// <summary><see cref="AddTaskVectors"/>, checked.</summary>
    protected abstract void AddTaskVectorsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TaskTerm> terms,
        Consensus consensus,
        long firstElement,
        DeviceSpan destination);

    /// <summary><see cref="ElectAndMerge"/>, checked.</summary>
    protected abstract void ElectAndMergeCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TaskTerm> terms,
        Consensus consensus,
        long firstElement,
        DeviceSpan destination);
}
