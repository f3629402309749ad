using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute.Cuda;
using Interfuse.Compute.Tests.Cuda;
using Interfuse.Testing;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>
/// Every call that an operation makes to the driver, failing once: the operation ends in an error, its result is never
/// wrong instead, and nothing stays behind (the base class counts).
/// </summary>
public class OperationFaultTests : SoftwareFixture
{
    private const int Length = TileGrid.TileLength + 300;
    private const int Channels = Length / 604;

    private static readonly Consensus Plain = new(Normalize: true, 1f, ZeroSum.Positive);
    private static readonly TaskTerm[] Terms =
        [new(1f, Keep: new(0x3D00_0000, 500)), new(0.5f, 2f, Drop: new(1, 2, 0x8000))];

    private static IEnumerable<Operation> Operations =>
    [
        new("transfers", (q, a, b, r) =>
        {
            q.Upload(new byte[r.ByteLength], r);
            q.Copy(a, r);
            return [];
        }),
        new("convert", (q, a, b, r) => Void(() => q.Convert(a, r))),
        new("linear combination", (q, a, b, r) => Void(() => q.LinearCombination([a, b], [1f, 2f], r))),
        new("task vector", (q, a, b, r) => Void(() => q.TaskVector(a, b, new(0x3D00_0000, 70), 0, r))),
        new("add task vectors", (q, a, b, r) => Void(() => q.AddTaskVectors(a, [b, a], Terms, Plain, 0, r))),
        new("elect and merge", (q, a, b, r) => Void(() => q.ElectAndMerge(a, [b, a], Terms, Plain, 0, r))),
        new("inner products", (q, a, b, r) =>
        {
            var tiles = new DotProducts[TileGrid.TileCount(Length)];
            q.Dot(a, b, tiles);
            return Bytes<DotProducts>(tiles);
        }),
        new("magnitude sums", (q, a, b, r) =>
        {
            var tiles = new MagnitudeSum[TileGrid.TileCount(Length)];
            q.MagnitudeSums(a, b, Terms[0], 0, tiles);
            return Bytes<MagnitudeSum>(tiles);
        }),
        new("threshold", (q, a, b, r) =>
        {
            TopKThreshold found = q.FindThreshold(a, b, Length / 5);
            return Bytes<long>([found.Bits, found.TieEnd]);
        }),
        new("compaction", (q, a, b, r) =>
        {
            var places = new DeviceSpan(r.Buffer, Length * 4L, DType.Int64, Length / 2);
            return Bytes<long>([q.Compact(a, b, new(0x3D00_0000, 70), r.Slice(0, Length / 2), places)]);
        }),
        new("histogram", (q, a, b, r) =>
        {
            long[] bins = new long[2048];
            q.MagnitudeHistogram(a, b, 0, 20, bins);
            return Bytes<long>(bins);
        }),
        new("conflicts", (q, a, b, r) =>
        {
            long[] counts = new long[DeviceQueue.ConflictCounts(2)];
            q.CountConflicts(a, [b, a], [new(0x3D00_0000, 70), TopKThreshold.All], 0, counts);
            return Bytes<long>(counts);
        }),
        new("count and collect", (q, a, b, r) =>
        {
            var tiles = new TileCount[TileGrid.TileCount(Length)];
            uint[] candidates = new uint[Length];
            int count = q.CountAndCollect(a, b, 0x3C00_0000, 0x3D00_0000, tiles, candidates);
            return [.. Bytes<TileCount>(tiles), .. Bytes<uint>(candidates.AsSpan(0, count))];
        }),
        new("equal magnitudes", (q, a, b, r) =>
        {
            int[] tiles = new int[TileGrid.TileCount(Length)];
            q.CountEqual(a, b, 0x3D00_0000, tiles);
            return [.. Bytes<int>(tiles), .. Bytes<long>([q.IndexOfEqual(a, b, 0x3D00_0000, 1)])];
        }),
        new("Gram matrices", (q, a, b, r) => Void(() =>
            q.ChannelGrams(a, [b, a], Channels, r.Buffer.Span(DType.Float64, 4 * Channels)))),
        new("merged groups", (q, a, b, r) => Void(() =>
        {
            var table = new DeviceSpan(r.Buffer, Length * 4L, DType.Int32, 2 * Channels);
            int[] rows = [.. Enumerable.Range(0, Channels), .. Enumerable.Range(0, Channels)];
            q.Upload(Bytes<int>(rows), table);
            q.MergeGroups(a, [b, a], Channels, 0.5f, table, r);
        })),
        new("unified task vector", (q, a, b, r) => Void(() =>
        {
            const int columns = Length / Channels;
            const int words = 2 * Channels * ((columns + 31) / 32);
            var masks = new DeviceSpan(r.Buffer, Length * 4L, DType.UInt32, words);
            var sums = new DeviceSpan(
                r.Buffer, (Length * 4L) + (4 * words), DType.Float64, 2 * Channels * AgreementSums.Count);
            q.ElectUnified(a, [b, a], Channels, r, masks, sums);
        })),
        new("matrix products", (q, a, b, r) => Void(() =>
        {
            var index = new DeviceSpan(r.Buffer, Length * 4L, DType.Int32, Channels);
            q.Upload(Bytes<int>([.. Enumerable.Range(0, Channels).Reverse()]), index);
            var bank = new GroupedBank(a.Slice(0, 16 * Channels), index, 1, Channels, 16);
            q.MatMul(bank, 0, b.Slice(0, 16 * 3), r.Slice(0, 3 * Channels));
        })),
        new("low-rank rows", (q, a, b, r) => Void(() =>
        {
            var bank = new LowRankBank(a.Slice(0, 9 * 16), b.Slice(0, 2 * 9 * 3), b.Slice(64, 2 * 3 * 16), 2, 9, 16, 3);
            q.Gather(bank, 1, 2, r.Slice(0, 7 * 16));
            q.Gather(bank, LowRankBank.SharedOnly, 0, r.Slice(7 * 16, 9 * 16));
            q.GatherBatch(bank, [new(0, 8), new(LowRankBank.SharedOnly, 1), new(1, 0)], r.Slice(512, 3 * 16));
        })),
        new("sparse rows", (q, a, b, r) => Void(() =>
        {
            var words = new DeviceSpan(r.Buffer, Length * 4L, DType.Int32, (2 * 9) + 1);
            q.Upload(Bytes<int>([.. Enumerable.Range(0, (2 * 9) + 1).Select(i => 3 * i)]), words);
            var places = new DeviceSpan(r.Buffer, (Length * 4L) + 128, DType.UInt16, 2 * 9 * 3);
            q.Upload(Bytes<ushort>([.. Enumerable.Range(0, 2 * 9 * 3).Select(i => (ushort)(5 * (i % 3)))]), places);
            var bank = new SparseBank(a.Slice(0, 9 * 16), words, places, b.Slice(64, 2 * 9 * 3), 2, 9, 16);
            q.Gather(bank, 1, 2, r.Slice(0, 7 * 16));
            q.GatherBatch(bank, [new(0, 8), new(SparseBank.Shared, 1)], r.Slice(256, 2 * 16));
            q.GatherMultiply(bank, [1, 0, 1], b.Slice(0, 3 * 16), r.Slice(512, 3 * 9));
            q.MatMul(bank, 1, b.Slice(0, 5 * 16), r.Slice(1024, 5 * 9));
        })),
        new("masked rows", (q, a, b, r) => Void(() =>
        {
            var mask = new DeviceSpan(r.Buffer, Length * 4L, DType.UInt32, 2 * 9);
            q.Upload(Bytes<uint>(Blocks.Words(2 * 9, 1)), mask);
            var bank = new MaskedBank(a.Slice(0, 9 * 16), b.Slice(0, 9 * 16), mask, a.Slice(0, 2), 2, 9, 16);
            q.Gather(bank, 1, 2, r.Slice(0, 7 * 16));
            q.GatherBatch(bank, [new(0, 8), new(1, 1)], r.Slice(256, 2 * 16));
            q.GatherMultiply(bank, [1, 0, 1], b.Slice(0, 3 * 16), r.Slice(512, 3 * 9));
            q.MatMul(bank, 1, b.Slice(0, 5 * 16), r.Slice(1024, 5 * 9));
        })),
        new("between products", (q, a, b, r) => Void(() =>
        {
            var experts = new DeviceSpan(r.Buffer, Length * 4L, DType.Int32, 3);
            DeviceSpan rows = r.Slice(0, 3 * 64);
            q.RmsNorm(a.Slice(0, 3 * 64), b.Slice(0, 64), experts, 64, 1e-5f, rows);
            q.AddBias(rows, b.Slice(0, 64), experts, 64);
            q.Rotate(rows, a.Slice(0, 3 * 16), 16);
            q.SwiGlu(rows, a.Slice(0, 3 * 64), rows);
        })),
        new("attention by pages", (q, a, b, r) => Void(() => Attend(q, a, b, r, tokens: 2))),
        new("attention by tokens", (q, a, b, r) => Void(() => Attend(q, a, b, r, tokens: 64))),
    ];

    [Test]
    public void Each_call_that_fails_ends_in_an_error_and_nothing_stays_behind(
        [ValueSource(nameof(Operations))] Operation operation,
        [Values("alloc", "host_alloc", "copy", "launch", "lost")] string kind)
    {
        byte[] expected = Run(operation, "");
        int failures = 0;
        for (int call = 1, successes = 0; successes < 2; call++)
        {
            string before = SoftwareDriver.Live();
            try
            {
                byte[] actual = Run(operation, $"{kind}:{call}");
                successes++;
                Assert.That(actual.AsSpan().SequenceEqual(expected), $"{kind}:{call} went unnoticed");
            }
            catch (InterfuseException error)
            {
                successes = 0;
                failures++;
                Assert.That(error, Is.InstanceOf<CudaDriverException>().Or.InstanceOf<OutOfDeviceMemoryException>());
            }

            SoftwareDriver.Inject("");
            Assert.That(SoftwareDriver.Live(), Is.EqualTo(before), $"after {kind}:{call}");
        }

        // Every operation reads its result back and asks for the non-finite values at least.
        if (kind is "copy" or "lost")
        {
            Assert.That(failures, Is.GreaterThan(0));
        }
    }

    // The device works well until its inputs are there; the faults count from the operation's first call on.
    private static byte[] Run(Operation operation, string faults)
    {
        using CudaDevice device = Open();
        using DeviceBuffer inputs = device.Allocate(8L * Length);
        using DeviceBuffer result = device.Allocate(8L * Length);
        using DeviceQueue queue = device.CreateQueue();
        DeviceSpan a = inputs.Span(DType.Float32, Length);
        var b = new DeviceSpan(inputs, 4L * Length, DType.Float32, Length);
        queue.Upload(Bytes<float>(Blocks.Plain(Length, 1)), a);
        queue.Upload(Bytes<float>(Blocks.Plain(Length, 2)), b);
        queue.Upload(new byte[8 * Length], result.Span(DType.UInt8, 8 * Length));
        SoftwareDriver.Inject(faults);
        byte[] told = operation.Run(queue, a, b, result.Span(DType.Float32, Length));
        byte[] stored = new byte[8 * Length];
        queue.Download(result.Span(DType.UInt8, stored.Length), stored);
        return [.. told, .. stored, .. Bytes<long>([queue.TakeNonFinite()])];
    }

    // Two sequences of two pages each, of which the tokens are the last positions.
    private static void Attend(DeviceQueue queue, DeviceSpan a, DeviceSpan b, DeviceSpan result, int tokens)
    {
        int[] sequences = [.. Enumerable.Range(0, tokens).Select(token => token % 2)];
        int[] positions = [.. Enumerable.Range(0, tokens).Select(token => 200 - (token / 2))];
        var words = new DeviceSpan(result.Buffer, Length * 4L, DType.Int32, (2 * tokens) + 4);
        queue.Upload(Bytes<int>([.. sequences, .. positions, 3, 1, 0, 2]), words);
        var places = new TokenPlaces(
            words.Slice(0, tokens), words.Slice(tokens, tokens), words.Slice(2 * tokens, 4), 2);
        long memory = 4 * KeyValuePages.ElementsPerPage(1, 8);
        var pages = new KeyValuePages(result.Slice(1024, memory), 1, 8);
        queue.Copy(a.Slice(0, memory), pages.Values);
        queue.StoreKeyValues(pages, places, b.Slice(0, 8 * tokens), a.Slice(0, 8 * tokens));
        queue.Attention(
            pages, places, b.Slice(0, 16 * tokens), 0.3f, int.MaxValue, result.Slice(0, 16 * tokens));
    }

    private static byte[] Void(Action operation)
    {
        operation();
        return [];
    }

    private static byte[] Bytes<T>(ReadOnlySpan<T> values)
        where T : unmanaged => MemoryMarshal.AsBytes(values).ToArray();

    /// <summary>An operation on two inputs with a result, and what it tells the host.</summary>
    public sealed record Operation(string Name, Func<DeviceQueue, DeviceSpan, DeviceSpan, DeviceSpan, byte[]> Run)
    {
        public override string ToString() => Name;
    }
}
