using Interfuse.Compute;
using Interfuse.Experts.Encoders;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests.Encoders;

/// <summary>What methods find on the bench does not depend on how many models' matrices there is room for.</summary>
internal sealed class MatrixBenchTests
{
    private static readonly string[] Three = ["add", "code", "math"];

    private readonly PackWorkshop _shop = new();
    private MergeProgress _progress = null!;
    private PackPlan _plan = null!;
    private PlannedMatrix _matrix = null!;

    [SetUp]
    public void Plan()
    {
        _progress = new MergeProgress();
        new LayeredModels(_shop, [0.4]) { Rows = 1100, Columns = 1024 }.Write(Three);
        _plan = PackPlan.Create(_shop.Read(LayeredModels.Yaml("", Three)), new MergeOptions { Threads = 2 });
        _matrix = _plan.Tensors.First(tensor => tensor.IsWhole);
    }

    [TearDown]
    public void CleanUp()
    {
        _plan.Dispose();
        _shop.Dispose();
    }

    [Test]
    public void With_room_for_two_matrices_the_others_are_read_again_and_everything_is_the_same()
    {
        (byte[] Average, long[] Conflicts, double[] Energies) plenty = Work(long.MaxValue / 2);
        long readOnce = _progress.BytesRead;
        Assert.That(readOnce, Is.EqualTo(4 * _matrix.Spec.ByteLength));
        (byte[] Average, long[] Conflicts, double[] Energies) scarce = Work(0);

        Assert.That(_progress.BytesRead - readOnce, Is.GreaterThan(2 * readOnce));
        Assert.That(scarce.Average.AsSpan().SequenceEqual(plenty.Average));
        Assert.That(scarce.Conflicts, Is.EqualTo(plenty.Conflicts));
        Assert.That(scarce.Energies, Is.EqualTo(plenty.Energies));
    }

    [Test]
    public void Energies_of_everything_are_equal_however_they_are_asked_for_and_are_the_squared_distance()
    {
        using var bench = new MatrixBench(_plan, _progress, long.MaxValue / 2, CancellationToken.None);
        bench.Begin(_matrix, 0);
        double energy = bench.Energy(bench.Base, bench.Expert(1), TopKThreshold.All);
        double[] origin = ModelTensors.Read(_shop["base"])[_matrix.Spec.Name];
        double[] own = ModelTensors.Read(_shop["code"])[_matrix.Spec.Name];

        Assert.That(energy, Is.EqualTo(origin.Zip(own, (b, x) => (x - b) * (x - b)).Sum()).Within(1e-9).Percent);
        Assert.That(
            bench.Energy(bench.Base, bench.Expert(1), new TopKThreshold(0, _matrix.Spec.ElementCount)), Is.EqualTo(energy));
        Assert.That(bench.Energy(bench.Base, bench.Base, TopKThreshold.All), Is.Zero);
        Assert.That(bench.Energy(bench.Base, bench.Expert(1), TopKThreshold.None), Is.Zero);
    }

    [Test]
    public void A_cancelled_bench_reads_nothing()
    {
        using var stopped = new CancellationTokenSource();
        stopped.Cancel();
        using var bench = new MatrixBench(_plan, _progress, long.MaxValue / 2, stopped.Token);
        bench.Begin(_matrix, 0);

        Assert.That(() => bench.Base, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(_progress.BytesRead, Is.Zero);
    }

    private (byte[] Average, long[] Conflicts, double[] Energies) Work(long memory)
    {
        using var bench = new MatrixBench(_plan, _progress, memory, CancellationToken.None);
        bench.Begin(_matrix, 0);
        DeviceSpan average = bench.Take(_matrix.Spec.DType, _matrix.Spec.ElementCount);
        bench.Average(0.9f, average);
        byte[] bytes = new byte[average.ByteLength];
        bench.Queue.Download(average, bytes);
        var conflicts = (LayerConflict)new Mediator().Measure(bench);
        double[] energies = [.. Enumerable.Range(0, 3).Select(
            expert => bench.Energy(average, bench.Expert(expert), TopKThreshold.All))];
        return (bytes, conflicts.Counts, energies);
    }
}
