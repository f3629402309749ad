using Interfuse.Checkpoints;
using Interfuse.Compute.Benchmarking;

namespace Interfuse.Compute.Tests.Benchmarking;

public sealed class KernelBenchmarkTests
{
    private static readonly KernelTiming Shortest = new(TimeSpan.Zero, TimeSpan.FromMilliseconds(1), 3);

    private CpuDevice _device = null!;
    private CpuDevice _reference = null!;
    private DeviceQueue _queue = null!;

    [SetUp]
    public void OpenDevices()
    {
        _device = new CpuDevice(CpuKernels.BestPath, threads: 2);
        _reference = new CpuDevice(CpuPath.Scalar, threads: 2);
        _queue = _device.CreateQueue();
    }

    [TearDown]
    public void CloseDevices()
    {
        _queue.Dispose();
        _reference.Dispose();
        _device.Dispose();
    }

    private static IEnumerable<KernelBenchmark> All => KernelBenchmarks.All;

    [TestCaseSource(nameof(All))]
    public void Every_operation_is_verified_as_a_whole_at_small_sizes(KernelBenchmark benchmark)
    {
        foreach (long elements in (long[])[1, 1000, 70_001])
        {
            using KernelCase kernel = benchmark.Prepare(_queue, elements);
            Assert.That(kernel.Verify(_reference), Is.EqualTo("whole"));
            Assert.That(kernel.Elements, Is.InRange(1L, elements));
        }
    }

    [TestCase("elect-and-merge", "4 experts, mean, random drop", "3 parts")]
    [TestCase("dot", "2 tensors", "3 parts")]
    [TestCase("find-threshold", "shared leading bits", "whole")]
    [TestCase("compact", "random", "2 parts")]
    [TestCase("cluster-channels", "4 experts, 2 groups", "3 parts")]
    [TestCase("channel-grams", "16 experts", "3 parts")]
    [TestCase("merge-groups", "8 experts, 3 groups", "3 parts")]
    [TestCase("elect-unified", "4 experts", "3 parts")]
    [TestCase("gather-batch", "rows uniform", "3 parts")]
    [TestCase("matmul", "16 vectors", "3 parts")]
    [TestCase("attention", "1 sequence", "whole")]
    public void Large_results_are_verified_at_both_ends_and_in_the_middle(
        string operation, string variant, string verified)
    {
        const long Elements = (1L << 22) + 5000;
        using KernelCase kernel = Find(operation, variant).Prepare(_queue, Elements);

        Assert.That(kernel.Verify(_reference), Is.EqualTo(verified));
    }

    [Test]
    public void A_wrong_element_is_an_error_that_names_operation_device_and_place()
    {
        var wrong = new KernelBenchmark("halve", "wrong at the end", (tensors, elements) => new ElementwiseCase(
            tensors, elements, 1, DType.Float32, DType.Float32, (queue, x, _, to) =>
            {
                queue.LinearCombination(x, [0.5f], to);
                if (queue.Device == _device)
                {
                    queue.LinearCombination([x[0].Slice(elements - 1, 1)], [0.25f], to.Slice(elements - 1, 1));
                }
            }));

        Assert.That(
            () => wrong.Measure(_queue, _reference, 5_000_000, Shortest),
            Throws.TypeOf<KernelMismatchException>()
                .With.Message.Contains("halve (wrong at the end) of 5000000 elements")
                .And.Message.Contains(_device.Name)
                .And.Message.Contains("element 4999999 is 0x"));
    }

    [Test]
    public void A_wrong_sum_is_an_error()
    {
        var wrong = new KernelBenchmark("sum", "wrong in one tile", (tensors, elements) => new SweepCase<DotProducts>(
            tensors, elements, DType.Float32, (queue, a, b, _, tiles) =>
            {
                queue.Dot(a, b, tiles);
                if (queue.Device == _device)
                {
                    tiles[1] = tiles[0];
                }
            }));

        Assert.That(
            () => wrong.Measure(_queue, _reference, 3 * TileGrid.TileLength, Shortest),
            Throws.TypeOf<KernelMismatchException>().With.Message.Contains("element 1 is 0x"));
    }

    [Test]
    public void A_wrong_row_of_a_group_is_an_error()
    {
        var wrong = new KernelBenchmark("merge", "wrong in the second group", (tensors, elements) => new ChannelCase(
            tensors,
            MatrixShape.Of(elements),
            experts: 2,
            givenGroups: 2,
            [new ChannelResult(DType.BFloat16, Layers: 2, PerChannel: 4096)],
            (queue, x) =>
            {
                queue.MergeGroups(x.Base, x.Experts, x.Channels, lambda: 1f, x.Table!.Value, x.Results[0]);
                if (queue.Device == _device)
                {
                    queue.Copy(x.Base.Slice(0, 1), x.Results[0].Slice(x.Base.Length, 1));
                }
            }));

        Assert.That(
            () => wrong.Measure(_queue, _reference, 1L << 23, Shortest),
            Throws.TypeOf<KernelMismatchException>().With.Message.Contains($"element {1L << 23} is 0x"));
    }

    // In bytes per element, or per element of one row of 64.
    [TestCase("copy", "bf16", 2.0, 2.0)]
    [TestCase("convert", "bf16 to f32", 2.0, 4.0)]
    [TestCase("elect-and-merge", "4 experts, mean", 10.0, 2.0)]
    [TestCase("find-threshold", "random", 4.0, 0.0)]
    [TestCase("gather", "1 of 4 experts", 2.0 + (4.0 / 64), 2.0)]
    [TestCase("gather-batch", "rows identical", (2.0 + (4.0 / 64)) / 16, 2.0)]
    [TestCase("gather-batch", "rows distinct", 2.0 + (4.0 / 64), 2.0)]
    [TestCase("gather-multiply", "batch 1", 2.0 + (4.0 / 64) + (2.0 / 16), 4.0 / 64)]
    [TestCase("gather-multiply", "batch 16, experts identical", 2.0 + (4.0 / 64) + (16 * 2.0 / 16), 16 * 4.0 / 64)]
    [TestCase("gather-multiply", "batch 4, experts distinct", (4 * (2.0 + (4.0 / 64))) + (4 * 2.0 / 16), 4 * 4.0 / 64)]
    [TestCase("matmul", "16 vectors", 2.0 + (4.0 / 64) + (16 * 4.0 / 16), 16 * 4.0 / 64)]
    [TestCase("attention", "1 sequence", 8.0 + (16.0 / 1024), 16.0 / 1024)]
    [TestCase("cluster-channels", "4 experts, 2 groups", 10.0, 4.0 + ((4 + 16) / 64.0))]
    [TestCase("channel-grams", "8 experts", 18.0, 64 * 8 / 64.0)]
    [TestCase("merge-groups", "4 experts, 2 groups", 10.0 + (4 * 4 / 64.0), 4.0)]
    [TestCase("elect-unified", "8 experts", 18.0, 2.0 + (8 / 8.0) + (8 * 40 / 64.0))]
    public void Bytes_are_those_of_inputs_and_outputs_once(
        string operation, string variant, double read, double written)
    {
        using KernelCase kernel = Find(operation, variant).Prepare(_queue, 1024);

        Assert.That((kernel.BytesRead, kernel.BytesWritten), Is.EqualTo(((long)(1024 * read), (long)(1024 * written))));
    }

    [Test]
    public void Compaction_counts_the_bytes_of_what_it_keeps()
    {
        using KernelCase kernel = Find("compact", "random").Prepare(_queue, 100_000);
        kernel.Run();

        Assert.That(kernel.BytesWritten / 6.0, Is.EqualTo(20_000).Within(1_000));
    }

    [Test]
    public void A_measurement_is_consistent()
    {
        KernelMeasurement measured = Find("dot", "2 tensors").Measure(_queue, _reference, 10_000, Shortest);

        KernelTimes times = measured.Times;
        Assert.Multiple(() =>
        {
            Assert.That((measured.Elements, measured.Verified), Is.EqualTo((10_000, "whole")));
            Assert.That(times.Seconds, Is.Positive.And.LessThan(1));
            Assert.That(times.CopySeconds, Is.Positive.And.LessThan(1));
            Assert.That(times.CopyShare, Is.InRange(times.CopyShareMinimum, times.CopyShareMaximum));
            Assert.That(measured.Passes, Is.EqualTo(1 / times.CopyShare));
            Assert.That(measured.BytesPerSecond, Is.EqualTo(40_000 / times.Seconds).Within(1e-6).Percent);
        });
    }

    private static KernelBenchmark Find(string operation, string variant) =>
        KernelBenchmarks.All.Single(it => (it.Operation, it.Variant) == (operation, variant));
}
