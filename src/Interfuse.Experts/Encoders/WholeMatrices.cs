using Interfuse.Merging.Execution;

namespace Interfuse.Experts.Encoders;

/// <summary>Runs over the matrices that a <see cref="MatrixMethod"/> stores whole, one after the other.</summary>
internal sealed class WholeMatrices(
    PackPlan plan, MatrixMethod method, MergeProgress progress, long memory, CancellationToken cancellation)
{
    /// <summary>Measures all matrices, by their place in the plan; nulls where the method does not measure.</summary>
    public object?[] Measure()
    {
        object?[] measures = new object?[plan.TensorCount];
        Run(
            Enumerable.Range(0, plan.TensorCount)
                .Where(tensor => plan.Tensors[tensor].IsWhole && method.MeasuresMatrix(plan.Tensors[tensor])),
            (bench, tensor) => measures[tensor] = method.Measure(bench));
        return measures;
    }

    /// <summary>Calls <paramref name="visit"/> for the whole ones among some tensors, in order.</summary>
    public void Run(IEnumerable<int> tensors, Action<MatrixBench, int> visit)
    {
        int[] whole = [.. tensors.Where(tensor => plan.Tensors[tensor].IsWhole)];
        if (whole.Length == 0)
        {
            return;
        }

        using var bench = new MatrixBench(plan, progress, memory, cancellation);
        using var readAhead = new ReadAhead([.. whole.Select(tensor => plan.Tensors[tensor].Inputs)]);
        for (int place = 0; place < whole.Length; place++)
        {
            cancellation.ThrowIfCancellationRequested();
            PlannedMatrix matrix = plan.Tensors[whole[place]];
            readAhead.Opened(place);
            bench.Begin(matrix, method.RoomFor(matrix, plan.Experts.Count));
            visit(bench, whole[place]);
        }
    }
}
