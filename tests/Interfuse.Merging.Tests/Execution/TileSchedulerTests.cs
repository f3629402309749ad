using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;

namespace Interfuse.Merging.Tests.Execution;

internal sealed class TileSchedulerTests
{
    private const int Tiles = 3;

    [Test]
    public void Every_tile_of_every_pass_is_handed_out_once_and_no_pass_overlaps_the_next([Values(1, 2, 6)] int threads)
    {
        CountingMerge[] merges = [.. Enumerable.Range(0, 1000).Select(_ => new CountingMerge())];
        int written = 0;
        var scheduler = new TileScheduler(merges.Select(Job), threads + 1, _ => Interlocked.Increment(ref written));

        Work(scheduler, threads);

        scheduler.ThrowIfFailed();
        Assert.That(written, Is.EqualTo(merges.Length));
        Assert.That(
            merges, Has.All.Matches<CountingMerge>(merge => merge.Visits.SequenceEqual(CountingMerge.Expected)));
    }

    [Test]
    public void A_failure_on_one_thread_stops_all_and_is_what_is_thrown()
    {
        TensorMerge[] merges = [new CountingMerge(), new CountingMerge(), new FailingMerge(), new CountingMerge()];
        var scheduler = new TileScheduler(merges.Select(Job), maxOpen: 3, _ => { });

        Work(scheduler, threads: 2);

        Assert.That(scheduler.ThrowIfFailed, Throws.InstanceOf<InvalidDataException>());
    }

    private static TensorJob Job(TensorMerge merge, int index) => new(
        new PlannedTensor(new TensorSpec("w", DType.Float32, [Tiles * (long)TileGrid.TileLength]), [], null),
        index,
        merge,
        tilesPerStep: 1);

    private static void Work(TileScheduler scheduler, int threads)
    {
        Thread[] workers = [.. Enumerable.Range(0, threads).Select(_ => new Thread(() =>
        {
            try
            {
                while (scheduler.TryTake(out TensorJob? job, out TileRun tiles))
                {
                    (job.Merge as CountingMerge)?.Visit(job.Pass, tiles.First);
                    scheduler.Finish(job);
                }
            }
            catch (Exception error)
            {
                scheduler.Stop(error);
            }
        }))];
        Array.ForEach(workers, worker => worker.Start());
        Array.ForEach(workers, worker => worker.Join());
    }

    /// <summary>Passes over all tiles, over one, over none, over all, and the one that writes.</summary>
    private sealed class CountingMerge : TensorMerge
    {
        private static readonly int[]?[] Passes = [null, [2], [], null];

        private readonly int[] _visits = new int[Passes.Length + 1];
        private int _pass = -1;

        public static int[] Expected { get; } = [Tiles, 1, 0, Tiles, Tiles];

        public int[] Visits => _visits;

        public override TensorPass? NextPass() => ++_pass < Passes.Length ? new Part(_pass) : null;

        public void Visit(TensorPass? pass, int tile)
        {
            int index = (pass as Part)?.Index ?? Passes.Length;
            if (index == _pass && (Passes.ElementAtOrDefault(index)?.Contains(tile) ?? tile < Tiles))
            {
                Interlocked.Increment(ref _visits[index]);
            }
        }

        public override void Apply(in Chunk chunk, DeviceSpan destination) => throw new NotSupportedException();

        private sealed class Part(int index) : TensorPass
        {
            public int Index => index;

            // Asked for while the pass is set up, and that is when other threads must not find tiles of it.
            public override IReadOnlyList<int>? Tiles
            {
                get
                {
                    for (int i = 0; i < 10; i++)
                    {
                        Thread.Yield();
                    }

                    return Passes[index];
                }
            }

            public override void Visit(in Chunk chunk) => throw new NotSupportedException();
        }
    }

    private sealed class FailingMerge : TensorMerge
    {
        public override TensorPass? NextPass() => throw new InvalidDataException();

        public override void Apply(in Chunk chunk, DeviceSpan destination) => throw new NotSupportedException();
    }
}
