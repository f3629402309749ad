using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>
/// Every operation of the contract but a decoder's elementwise ones, in each form that has code of its own, and on inputs
/// that are hard.
/// </summary>
/// <remarks>
/// Tensors are bf16 unless the variant says otherwise; merges take a base and four experts. Trimming and selection keep
/// a fifth, random drop a half. Matrices have rows of 4096; gathers take them from a bank that holds each row of four
/// experts, gather-multiply of sixteen; sparse and masked banks have four experts. Attention is over float32 keys and
/// values, whose number counts the keys'.
/// </remarks>
public static partial class KernelBenchmarks
{
    private const DType Stored = DType.BFloat16;
    private const int Experts = 4;
    private const int Models = 1 + Experts;

    private static readonly int[] Batches = [4, 16, 64];
    private static readonly float[] Weights = [0.4f, 0.3f, 0.2f, 0.1f];
    private static readonly TaskTerm[] Plain = [.. Weights.Select(weight => new TaskTerm(weight))];

    private static readonly TaskTerm[] Dropped =
    [
        .. Weights.Select((weight, expert) =>
            new TaskTerm(weight, Scale: 2f, Drop: new RandomDrop(Seed: 1, (ulong)expert, KeepBelow: 1 << 15))),
    ];

    private static readonly Consensus Sum = new(Normalize: false, Lambda: 1f, ZeroSum.NoMajority);
    private static readonly Consensus Mean = Sum with { Normalize = true };

    // The magnitude that a fifth of the random deltas reach.
    private static readonly Lazy<uint> TrimBits = new(FindTrimBits);

    /// <summary>All benchmarks, those of an operation together.</summary>
    public static IReadOnlyList<KernelBenchmark> All { get; } =
        [.. Elementwise(), .. Reductions(), .. Selections(), .. OfChannels(), .. OfBanks(), .. OfMadeRows(), .. OfADecoder()];

    /// <summary>Sizes from where the launch is all that counts to where memory is, in elements per tensor.</summary>
    /// <param name="device">The device to measure.</param>
    /// <param name="isSoftware">Whether that is the software CUDA driver, which is slow and has little memory.</param>
    public static long[] SizesFor(Device device, bool isSoftware) =>
        isSoftware ? [1L << 10, 1L << 16]
        : device is CpuDevice ? [1L << 10, 1L << 16, 1L << 20, 1L << 25]
        : [1L << 10, 1L << 16, 1L << 20, 1L << 24, 1L << 28];

    private static IEnumerable<KernelBenchmark> Elementwise() =>
    [
        OfModels("copy", "bf16", 1, (queue, x, _, to) => queue.Copy(x[0], to)),
        OfModels("convert", "bf16 to f32", 1, (queue, x, _, to) => queue.Convert(x[0], to), to: DType.Float32),
        OfModels("convert", "f32 to bf16", 1, (queue, x, _, to) => queue.Convert(x[0], to), from: DType.Float32),
        OfModels("linear-combination", "4 experts", Experts, (queue, x, _, to) =>
            queue.LinearCombination(x, Weights, to)),
        new("task-vector", "trimmed", (tensors, elements) =>
        {
            TopKThreshold keep = Trim(elements);
            return new ElementwiseCase(tensors, elements, 2, Stored, Stored, (queue, x, first, to) =>
                queue.TaskVector(x[0], x[1], keep, first, to));
        }),
        OfModels("add-task-vectors", "4 experts", Models, (queue, x, first, to) =>
            queue.AddTaskVectors(x[0], x.AsSpan(1), Plain, Sum, first, to)),
        OfModels("add-task-vectors", "4 experts, random drop", Models, (queue, x, first, to) =>
            queue.AddTaskVectors(x[0], x.AsSpan(1), Dropped, Sum, first, to)),
        OfModels("elect-and-merge", "4 experts, sum", Models, (queue, x, first, to) =>
            queue.ElectAndMerge(x[0], x.AsSpan(1), Plain, Sum, first, to)),
        OfModels("elect-and-merge", "4 experts, mean", Models, (queue, x, first, to) =>
            queue.ElectAndMerge(x[0], x.AsSpan(1), Plain, Mean, first, to)),
        Trimmed("4 experts, sum, trimmed", Sum),
        Trimmed("4 experts, mean, trimmed", Mean),
        OfModels("elect-and-merge", "4 experts, mean, random drop", Models, (queue, x, first, to) =>
            queue.ElectAndMerge(x[0], x.AsSpan(1), Dropped, Mean, first, to)),
    ];

    private static IEnumerable<KernelBenchmark> Reductions() =>
    [
        new("dot", "2 tensors", (tensors, elements) => new SweepCase<DotProducts>(
            tensors, elements, Stored, (queue, a, b, _, tiles) => queue.Dot(a, b, tiles))),
        new("magnitude-sums", "random drop", (tensors, elements) => new SweepCase<MagnitudeSum>(
            tensors, elements, Stored, (queue, a, b, first, tiles) =>
                queue.MagnitudeSums(a, b, Dropped[0], first, tiles))),
    ];

    private static IEnumerable<KernelBenchmark> Selections() =>
    [
        FindThreshold("random", InputPattern.Random),
        FindThreshold("all equal", InputPattern.AllEqual),
        FindThreshold("shared leading bits", InputPattern.SharedLeadingBits),
        FindThreshold("few values", InputPattern.FewValues),
        FindThreshold("sorted", InputPattern.Sorted),
        new("compact", "random", (tensors, elements) => new CompactCase(tensors, elements, Trim(elements))),
    ];

    private static IEnumerable<KernelBenchmark> OfBanks() =>
    [
        new("gather", "1 of 4 experts", (tensors, elements) => new GatherCase(tensors, MatrixShape.Of(elements))),
        .. Enum.GetValues<Popularity>().Select(GatherBatch),
        GatherMultiply(batch: 1, Popularity.Distinct),
        .. Batches.SelectMany(batch =>
            Enum.GetValues<Popularity>().Select(popularity => GatherMultiply(batch, popularity))),
    ];

    private static KernelBenchmark GatherBatch(Popularity popularity) =>
        new("gather-batch", $"rows {Word(popularity)}", (tensors, elements) =>
            new GatherBatchCase(tensors, MatrixShape.Of(elements), popularity));

    private static KernelBenchmark GatherMultiply(int batch, Popularity popularity) =>
        new(
            "gather-multiply",
            batch == 1 ? "batch 1" : $"batch {batch}, experts {Word(popularity)}",
            (tensors, elements) => new GatherMultiplyCase(tensors, MatrixShape.Of(elements), batch, popularity));

    private static string Word(Popularity popularity) => popularity.ToString().ToLowerInvariant();

    private static KernelBenchmark OfModels(
        string operation,
        string variant,
        int inputs,
        ElementwiseOperation run,
        DType from = Stored,
        DType to = Stored) =>
        new(operation, variant, (tensors, elements) => new ElementwiseCase(tensors, elements, inputs, from, to, run));

    private static KernelBenchmark Trimmed(string variant, Consensus consensus) =>
        new("elect-and-merge", variant, (tensors, elements) =>
        {
            TaskTerm[] terms = [.. Plain.Select(term => term with { Keep = Trim(elements) })];
            return new ElementwiseCase(tensors, elements, Models, Stored, Stored, (queue, x, first, to) =>
                queue.ElectAndMerge(x[0], x.AsSpan(1), terms, consensus, first, to));
        });

    private static KernelBenchmark FindThreshold(string variant, InputPattern pattern) =>
        new("find-threshold", variant, (tensors, elements) => new FindThresholdCase(tensors, elements, pattern));

    // Ties end in the middle, so that both sides of that place are at work.
    private static TopKThreshold Trim(long elements) => new(TrimBits.Value, elements / 2);

    private static uint FindTrimBits()
    {
        const int Sample = TileGrid.TileLength;
        byte[] baseBytes = new byte[Sample * Stored.Size()];
        byte[] expertBytes = new byte[baseBytes.Length];
        InputValues.Fill(InputPattern.Random, 0, Stored, 0, Sample, baseBytes);
        InputValues.Fill(InputPattern.Random, 1, Stored, 0, Sample, expertBytes);
        float[] baseValues = Widen(baseBytes);
        float[] expert = Widen(expertBytes);
        uint[] magnitudes =
            [.. expert.Select((value, i) => BitConverter.SingleToUInt32Bits(Math.Abs(value - baseValues[i])))];
        Array.Sort(magnitudes);
        return magnitudes[Sample * 4 / 5];
    }

    private static float[] Widen(byte[] bytes)
    {
        float[] values = new float[bytes.Length / Stored.Size()];
        new CpuKernels().Widen(bytes, Stored, values);
        return values;
    }
}
