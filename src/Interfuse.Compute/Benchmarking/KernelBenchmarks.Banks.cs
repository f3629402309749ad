namespace Interfuse.Compute.Benchmarking;

public static partial class KernelBenchmarks
{
    // Banks that keep no rows of single experts but make them. A mixed batch is to cost little more than one of requests
    // for the same expert.
    private static IEnumerable<KernelBenchmark> OfMadeRows() =>
        ((BankSource[])[new SparseSource(), new MaskedSource()]).SelectMany(source => (KernelBenchmark[])
        [
            new("gather", $"{source.Kind}, 1 of {BankSource.Experts} experts", (tensors, elements) =>
                new BankGatherCase(tensors, MatrixShape.Of(elements), source)),
            GatherMultiply(source, "batch 1", batch: 1, experts: 1),
            GatherMultiply(source, "batch 16, 1 expert", batch: 16, experts: 1),
            GatherMultiply(source, $"batch 16, {BankSource.Experts} experts", batch: 16, BankSource.Experts),
            new("matmul", $"{source.Kind}, 64 vectors", (tensors, elements) => new BankMultiplyCase(
                tensors, MatrixShape.Of(elements), source, new int[64], isPrompt: true)),
        ]);

    private static KernelBenchmark GatherMultiply(BankSource source, string variant, int batch, int experts) =>
        new("gather-multiply", $"{source.Kind}, {variant}", (tensors, elements) => new BankMultiplyCase(
            tensors,
            MatrixShape.Of(elements),
            source,
            [.. Enumerable.Range(0, batch).Select(member => member % experts)],
            isPrompt: false));
}
