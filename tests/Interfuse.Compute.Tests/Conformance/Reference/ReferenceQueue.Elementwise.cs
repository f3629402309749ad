namespace Interfuse.Compute.Tests.Conformance;

internal sealed partial class ReferenceQueue
{
    protected override void ConvertCore(DeviceSpan source, DeviceSpan destination) =>
        Store(Widened(source), destination);

    protected override void LinearCombinationCore(
        ReadOnlySpan<DeviceSpan> inputs, ReadOnlySpan<float> weights, DeviceSpan destination)
    {
        float[][] values = Widened(inputs);
        float[] factors = weights.ToArray();
        Store(Each(destination, i => Formulas.Sum([.. values.Zip(factors, (x, w) => w * x[i])])), destination);
    }

    protected override void TaskVectorCore(
        DeviceSpan baseValues, DeviceSpan expert, TopKThreshold keep, long firstElement, DeviceSpan destination)
    {
        float[] b = Widened(baseValues);
        float[] x = Widened(expert);
        Store(Each(destination, i => TaskFormulas.Trimmed(b[i], x[i], keep, firstElement + i)), destination);
    }

    protected override void AddTaskVectorsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TaskTerm> terms,
        Consensus consensus,
        long firstElement,
        DeviceSpan destination) =>
        Merge(
            (b, v, w, c) => Formulas.Add(b, v, w, c),
            baseValues,
            experts,
            terms,
            consensus,
            firstElement,
            destination);

    protected override void ElectAndMergeCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TaskTerm> terms,
        Consensus consensus,
        long firstElement,
        DeviceSpan destination) =>
        Merge(
            (b, v, w, c) => Formulas.Elect(b, v, w, c),
            baseValues,
            experts,
            terms,
            consensus,
            firstElement,
            destination);

    private void Merge(
        Func<float, float[], float[], Consensus, float> formula,
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TaskTerm> terms,
        Consensus consensus,
        long firstElement,
        DeviceSpan destination)
    {
        float[] b = Widened(baseValues);
        float[][] x = Widened(experts);
        TaskTerm[] t = terms.ToArray();
        float[] weights = Array.ConvertAll(t, term => term.Weight);
        float[] values = new float[t.Length];
        Store(
            Each(destination, i =>
            {
                for (int expert = 0; expert < t.Length; expert++)
                {
                    values[expert] = TaskFormulas.Contribution(b[i], x[expert][i], t[expert], firstElement + i);
                }

                return formula(b[i], values, weights, consensus);
            }),
            destination);
    }

    private static float[][] Widened(ReadOnlySpan<DeviceSpan> spans) => Array.ConvertAll(spans.ToArray(), Widened);

    private static float[] Each(DeviceSpan destination, Func<int, float> formula)
    {
        float[] results = new float[destination.Length];
        for (int i = 0; i < results.Length; i++)
        {
            results[i] = formula(i);
        }

        return results;
    }
}
