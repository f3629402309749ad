using Interfuse.Compute.Cuda;
using Interfuse.Testing;

namespace Interfuse.Compute.Tests.Cuda;

public class CudaMemoryPoolTests : SoftwareFixture
{
    private const long Budget = 1 << 20;

    [TestCase(1, 512)]
    [TestCase(512, 512)]
    [TestCase(513, 768)]
    [TestCase(4096, 4096)]
    [TestCase(4097, 4608)]
    [TestCase(1 << 20, 1 << 20)]
    [TestCase((1 << 20) + 1, 9 << 17)]
    [TestCase(5_000_000_000, 5_368_709_120)]
    public void Sizes_are_rounded_up_to_classes(long asked, long taken) =>
        Assert.That(CudaMemoryPool.SizeClass(asked), Is.EqualTo(taken));

    [Test]
    public void A_class_holds_what_it_is_asked_for_wastes_at_most_an_eighth_and_is_its_own_class()
    {
        var random = new Random(1);
        for (int i = 0; i < 100_000; i++)
        {
            long asked = Math.Max(4096, random.NextInt64(1L << random.Next(13, 40)));
            long taken = CudaMemoryPool.SizeClass(asked);
            Assert.That(taken, Is.InRange(asked, asked + (asked / 8)).And.EqualTo(CudaMemoryPool.SizeClass(taken)));
            Assert.That(taken % 256, Is.Zero);
        }
    }

    [Test]
    public void What_is_given_back_is_given_out_again_without_asking_the_driver()
    {
        using var pools = new Pools(Budget);
        CudaMemory first = pools.Pool.Take(1000, null);
        pools.Pool.Return(first);
        SoftwareDriver.Inject("alloc:1");
        CudaMemory second = pools.Pool.Take(900, null);
        Assert.That(second, Is.SameAs(first));
        pools.Pool.Return(second);
    }

    [Test]
    public void Live_and_cached_bytes_are_counted()
    {
        using var pools = new Pools(Budget);
        CudaMemory a = pools.Pool.Take(4096, null);
        CudaMemory b = pools.Pool.Take(8192, null);
        Assert.That((pools.Pool.LiveBytes, pools.Pool.CachedBytes), Is.EqualTo((12288L, 0L)));
        pools.Pool.Return(a);
        Assert.That((pools.Pool.LiveBytes, pools.Pool.CachedBytes), Is.EqualTo((8192L, 4096L)));
        pools.Pool.Return(b);
        Assert.That((pools.Pool.LiveBytes, pools.Pool.CachedBytes), Is.EqualTo((0L, 12288L)));
    }

    [Test]
    public void The_budget_bounds_what_is_in_use()
    {
        using var pools = new Pools(Budget);
        CudaMemory half = pools.Pool.Take(Budget / 2, null);
        OutOfDeviceMemoryException failure = Assert.Throws<OutOfDeviceMemoryException>(
            () => pools.Pool.Take((Budget / 2) + 1, null))!;
        Assert.That((failure.Requested, failure.Free), Is.EqualTo(((Budget / 2) + 1, Budget / 2)));
        CudaMemory rest = pools.Pool.Take(Budget / 2, null);
        Assert.That(() => pools.Pool.Take(1, null), Throws.InstanceOf<OutOfDeviceMemoryException>());
        pools.Pool.Return(half);
        pools.Pool.Return(rest);
    }

    [Test]
    public void Rounding_up_does_not_make_a_request_too_large_for_the_budget()
    {
        using var pools = new Pools(1_000_000);
        CudaMemory memory = pools.Pool.Take(1_000_000, null);
        Assert.That(pools.Pool.LiveBytes, Is.EqualTo(1_000_000));
        pools.Pool.Return(memory);
    }

    [Test]
    public void A_full_budget_is_made_room_in_by_giving_the_cache_back_oldest_first()
    {
        using var pools = new Pools(Budget);
        CudaMemory old = pools.Pool.Take(Budget / 2, null);
        CudaMemory young = pools.Pool.Take(Budget / 4, null);
        pools.Pool.Return(old);
        pools.Pool.Return(young);
        CudaMemory other = pools.Pool.Take(Budget / 8 * 3, null);
        Assert.That((old.IsClosed, young.IsClosed), Is.EqualTo((true, false)));
        Assert.That(pools.Pool.CachedBytes, Is.EqualTo(Budget / 4));
        pools.Pool.Return(other);
    }

    [Test]
    public void A_full_device_is_made_room_in_before_anyone_is_refused()
    {
        using var pools = new Pools(Budget);
        pools.Pool.Return(pools.Pool.Take(4096, null));
        SoftwareDriver.Inject("alloc:1");
        CudaMemory memory = pools.Pool.Take(8192, null);
        Assert.That(pools.Pool.CachedBytes, Is.Zero);
        pools.Pool.Return(memory);
    }

    [Test]
    public void A_full_device_is_an_error_that_says_what_the_driver_has_free()
    {
        using var pools = new Pools(long.MaxValue / 2);
        OutOfDeviceMemoryException failure = Assert.Throws<OutOfDeviceMemoryException>(() => pools.Pool.Take(1L << 45, null))!;
        Assert.That(failure.Requested, Is.EqualTo(1L << 45));
        Assert.That(failure.Free, Is.InRange(1, 1L << 44));
    }

    [Test]
    public void Memory_that_queued_work_may_use_goes_to_nobody_else_before_that_work_has_ended()
    {
        using var pools = new Pools(1L << 30);
        CudaMemory memory = pools.Pool.Take(4096, null);
        using CudaEventHandle end = pools.Busy(pools.First, memory);
        pools.Pool.Return(memory);

        CudaMemory toAnyone = pools.Pool.Take(4096, null);
        CudaMemory toTheOther = pools.Pool.Take(4096, pools.Second);
        bool stillAtWork = !end.HasEnded;
        CudaMemory toTheSame = pools.Pool.Take(4096, pools.First);
        Assert.That(stillAtWork, Is.True, "the work was to last longer than the test");
        Assert.That(toAnyone, Is.Not.SameAs(memory));
        Assert.That(toTheOther, Is.Not.SameAs(memory));
        Assert.That(toTheSame, Is.SameAs(memory), "work of one stream comes in order");

        pools.Pool.Return(toTheSame);
        pools.First.Synchronize();
        Assert.That(pools.Pool.Take(4096, pools.Second), Is.SameAs(memory), "the work has ended");
        pools.Pool.Return(toAnyone);
        pools.Pool.Return(toTheOther);
        pools.Pool.Return(memory);
    }

    [Test]
    public void Where_the_budget_allows_nothing_else_the_end_of_the_work_is_waited_for()
    {
        using var pools = new Pools(Pools.WorkBytes + 4096);
        CudaMemory memory = pools.Pool.Take(4096, null);
        using CudaEventHandle end = pools.Busy(pools.First, memory);
        pools.Pool.Return(memory);
        Assert.That(pools.Pool.Take(4096, pools.Second), Is.SameAs(memory));
        Assert.That(end.HasEnded, Is.True);
        pools.Pool.Return(memory);
    }

    [Test]
    public void Trimming_waits_for_the_work_that_uses_what_it_gives_back()
    {
        using var pools = new Pools(Pools.WorkBytes + 8192);
        CudaMemory memory = pools.Pool.Take(4096, null);
        using CudaEventHandle end = pools.Busy(pools.First, memory);
        pools.Pool.Return(memory);
        CudaMemory larger = pools.Pool.Take(8192, null);
        Assert.That(memory.IsClosed, Is.True);
        Assert.That(end.HasEnded, Is.True);
        pools.Pool.Return(larger);
    }

    [Test]
    public void Many_threads_share_a_pool()
    {
        using var pools = new Pools(Budget);
        Parallel.For(0, 64, i =>
        {
            var random = new Random(i);
            for (int n = 0; n < 50; n++)
            {
                CudaMemory memory = pools.Pool.Take(random.Next(1, (int)Budget / 256), null);
                pools.Pool.Return(memory);
            }
        });
        Assert.That(pools.Pool.LiveBytes, Is.Zero);
        Assert.That(pools.Pool.CachedBytes, Is.InRange(1, Budget));
    }

    /// <summary>A pool with two streams, over a context of its own.</summary>
    private sealed class Pools : IDisposable
    {
        public const int WorkBytes = 64 << 20;

        private readonly CudaContext _context = new(Driver, new CUdevice(0));
        private readonly CudaStreams _streams = new();
        private CudaMemory? _work;

        public Pools(long budget)
        {
            _ = Driver.cuInit(0);
            Pool = new CudaMemoryPool(_context, _streams, "the device", budget);
            First = new CudaStream(_context);
            Second = new CudaStream(_context);
            _streams.Add(First);
            _streams.Add(Second);
        }

        public CudaMemoryPool Pool { get; }

        public CudaStream First { get; }

        public CudaStream Second { get; }

        /// <summary>Gives a stream work for a good part of a second, that ends with a write to the memory.</summary>
        public CudaEventHandle Busy(CudaStream stream, CudaMemory memory)
        {
            _context.MakeCurrent();
            _work ??= Pool.Take(WorkBytes, null);
            for (int i = 0; i < 30; i++)
            {
                Driver.Check(Driver.cuMemsetD8Async(_work.Address, (byte)i, WorkBytes, stream.ForWork()));
            }

            Driver.Check(Driver.cuMemsetD8Async(memory.Address, 1, (nuint)memory.ByteLength, stream.ForWork()));
            var end = new CudaEventHandle(_context, CUevent_flags.CU_EVENT_DISABLE_TIMING);
            end.Record(stream);
            return end;
        }

        public void Dispose()
        {
            if (_work is not null)
            {
                Pool.Return(_work);
            }

            Pool.Close();
            First.Dispose();
            Second.Dispose();
            _context.Dispose();
        }
    }
}
