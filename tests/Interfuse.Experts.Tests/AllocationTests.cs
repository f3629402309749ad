using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests;

/// <summary>Gathering from a loaded tensor and multiplying by it again and again allocates nothing on the managed heap.</summary>
public sealed class AllocationTests
{
    private const int Rounds = 100;
    private const int Rows = 24;
    private const int Columns = 96;

    private static readonly ExpertMix[] Mixes =
    [
        ExpertMix.Of(2), ExpertMix.Of(0), ExpertMix.Weighted(new ExpertShare(0, 0.75f), new ExpertShare(2, 0.25f)), ExpertMix.Shared,
        ExpertMix.Of(2), ExpertMix.Uniform(3),
    ];

    private readonly TempFolder _folder = new();

    [OneTimeTearDown]
    public void CleanUp() => _folder.Dispose();

    [Test]
    public void Of_every_scheme(
        [Values("shared", "grouped", "sparse", "low_rank", "masked")] string scheme,
        [Values(DType.BFloat16, DType.Float32)] DType dtype,
        [Values(1, 3)] int threads)
    {
        Make(scheme, dtype).Write(_folder[$"{scheme}-{dtype}-{threads}"]);
        using var pack = ExpertPack.Open(_folder[$"{scheme}-{dtype}-{threads}"]);
        using var device = new CpuDevice(threads);
        using DeviceQueue queue = device.CreateQueue();
        using LoadedTensor tensor = pack.Tensors[0].Load(queue);

        Assert.That(Allocated(tensor, queue), Is.EqualTo(new long[6]));
    }

    [Test]
    public void Of_a_plain_model()
    {
        ModelFolder.Write(_folder["plain"], [ModelFolder.Random(1, "w", DType.BFloat16, Rows, Columns)], config: "{}");
        using ModelWeights weights = ModelWeights.Open(_folder["plain"]);
        using var device = new CpuDevice(threads: 2);
        using DeviceQueue queue = device.CreateQueue();
        using LoadedTensor tensor = weights.Load("w", queue);
        var batch = new MixedBatch([ExpertMix.Of(0), ExpertMix.Shared, ExpertMix.Of(0)]);

        Assert.That(Allocated(tensor, queue, batch), Is.EqualTo(new long[6]));
    }

    private static long[] Allocated(LoadedTensor tensor, DeviceQueue queue, MixedBatch? given = null)
    {
        MixedBatch batch = given ?? new MixedBatch(Mixes);
        ExpertMix[] mixes = [.. batch.Mixes];
        using var scratch = new MixScratch(queue);
        using DeviceBuffer memory = queue.Device.Allocate(4 * mixes.Length * (Rows + Columns) * sizeof(float));
        DeviceSpan rows = new(memory, 0, tensor.Spec.DType, mixes.Length * Columns);
        DeviceSpan block = new(memory, 0, tensor.Spec.DType, 5 * Columns);
        DeviceSpan x = new(memory, 0, DType.Float32, mixes.Length * Columns);
        DeviceSpan y = new(memory, x.ByteLength, DType.Float32, mixes.Length * Rows);
        queue.Upload(new byte[x.ByteLength], x);
        long[] requests = [.. mixes.Select((_, i) => (long)i)];
        int[] experts = [.. mixes.Select(mix => mix.IsSingle ? mix.Expert : 0)];
        ExpertRow[] single = [.. experts.Select((expert, i) => new ExpertRow(expert, i))];
        return
        [
            Measure(() => tensor.Gather(queue, experts[0], 3, block)),
            Measure(() => tensor.GatherBatch(queue, single, rows)),
            Measure(() =>
            {
                foreach (ExpertMix mix in mixes)
                {
                    tensor.Gather(queue, mix, 3, block, scratch);
                }
            }),
            Measure(() => tensor.GatherBatch(queue, batch, requests, rows, scratch)),
            Measure(() => tensor.Multiply(queue, batch, x, y, scratch)),
            Measure(() =>
            {
                foreach (ExpertMix mix in mixes)
                {
                    tensor.MatMul(queue, mix, x, y, scratch);
                }
            }),
        ];
    }

    private static long Measure(Action action)
    {
        action();
        action();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Rounds; i++)
        {
            action();
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static PackBuilder Make(string scheme, DType dtype)
    {
        var builder = new PackBuilder("a", "b", "c");
        return scheme switch
        {
            "shared" => builder.RandomShared(1, "w", dtype, Rows, Columns),
            "grouped" => builder.RandomGrouped(1, "w", dtype, Rows, Columns),
            "sparse" => builder.RandomSparse(1, "w", dtype, every: 5, Rows, Columns),
            "low_rank" => builder.RandomLowRank(1, "w", dtype, rank: 4, Rows, Columns),
            _ => builder.RandomMasked(1, "w", dtype, Rows, Columns),
        };
    }
}
