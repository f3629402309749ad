namespace Interfuse.Compute.Benchmarking;

public static partial class KernelBenchmarks
{
    private static IEnumerable<KernelBenchmark> OfADecoder() =>
    [
        MatMul(vectors: 16),
        MatMul(vectors: 256),
        Attention(sequences: 1),
        Attention(sequences: 16),
    ];

    private static KernelBenchmark MatMul(int vectors) =>
        new("matmul", $"{vectors} vectors", (tensors, elements) =>
            new MatMulCase(tensors, MatrixShape.Of(elements), vectors));

    private static KernelBenchmark Attention(int sequences) =>
        new("attention", sequences == 1 ? "1 sequence" : $"{sequences} sequences", (tensors, elements) =>
            new AttentionCase(tensors, elements, sequences));
}
