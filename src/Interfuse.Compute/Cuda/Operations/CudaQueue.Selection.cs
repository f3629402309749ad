using Interfuse.Checkpoints;

namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    private const int SelectionThreads = 256;
    private const int SelectionScanThreads = 1024;

    // Elements that a block of 256 threads takes in one step, 8 per thread, and in a compaction altogether.
    private const int SelectionStep = 2048;
    private const int SelectionChunk = 4 * SelectionStep;

    /// <inheritdoc/>
    protected override long CompactCore(
        DeviceSpan baseValues, DeviceSpan expert, TopKThreshold keep, DeviceSpan values, DeviceSpan indices)
    {
        SelectionPair pair = Pair(baseValues, expert);
        var range = new SelectionRange(keep.TieEnd, keep.Bits, TopKThreshold.MaximumBits);
        long chunks = SelectionBlocks(expert.Length, SelectionChunk);
        var plan = new ScratchPlan();
        long countsAt = plan.Add(chunks * sizeof(uint));
        long offsetsAt = plan.Add((chunks + 1) * sizeof(long));
        ulong scratch = Scratch(plan.ByteLength);
        ulong offsets = scratch + (ulong)offsetsAt;
        CountInRange(pair, range, scratch + (ulong)countsAt, tiles: 0, offsets);
        Launch("interfuse_select_write", chunks, SelectionThreads, new SelectWriteArguments(
            pair,
            range,
            offsets,
            Address(values),
            Address(indices),
            values.Length,
            Code(values.DType),
            indices.DType.Size()));
        return ReadOne<long>(offsets + (ulong)(chunks * sizeof(long)));
    }

    /// <inheritdoc/>
    protected override void MagnitudeHistogramCore(
        DeviceSpan baseValues, DeviceSpan expert, uint low, int shift, Span<long> bins)
    {
        Span<long> counts = stackalloc long[bins.Length];
        Histogram(Pair(baseValues, expert), low, shift, Scratch(bins.Length * sizeof(long)), counts);
        for (int bin = 0; bin < bins.Length; bin++)
        {
            bins[bin] += counts[bin];
        }
    }

    /// <inheritdoc/>
    protected override int CountAndCollectCore(
        DeviceSpan baseValues, DeviceSpan expert, uint low, uint high, Span<TileCount> tiles, Span<uint> candidates)
    {
        SelectionPair pair = Pair(baseValues, expert);
        var range = new SelectionRange(expert.Length, low, high);
        long chunks = SelectionBlocks(expert.Length, SelectionChunk);
        var plan = new ScratchPlan();
        long tilesAt = plan.Add((long)tiles.Length * 2 * sizeof(int));
        long countsAt = plan.Add(chunks * sizeof(uint));
        long offsetsAt = plan.Add((chunks + 1) * sizeof(long));
        long bitsAt = plan.Add(expert.Length * sizeof(uint));
        ulong scratch = Scratch(plan.ByteLength);
        ulong offsets = scratch + (ulong)offsetsAt;
        ulong bits = scratch + (ulong)bitsAt;
        CountInRange(pair, range, scratch + (ulong)countsAt, scratch + (ulong)tilesAt, offsets);
        Launch("interfuse_select_write", chunks, SelectionThreads, new SelectWriteArguments(
            pair, range, offsets, Values: 0, bits, expert.Length, ValueDType: 0, sizeof(uint)));
        Read(scratch + (ulong)tilesAt, tiles);
        int collected = (int)ReadOne<long>(offsets + (ulong)(chunks * sizeof(long)));
        Read(bits, candidates[..collected]);
        return collected;
    }

    /// <inheritdoc/>
    protected override void CountEqualCore(DeviceSpan baseValues, DeviceSpan expert, uint bits, Span<int> tiles)
    {
        SelectionPair pair = Pair(baseValues, expert);
        long chunks = SelectionBlocks(expert.Length, SelectionChunk);
        var plan = new ScratchPlan();
        long tilesAt = plan.Add((long)tiles.Length * 2 * sizeof(int));
        long countsAt = plan.Add(chunks * sizeof(uint));
        ulong scratch = Scratch(plan.ByteLength);
        var range = new SelectionRange(expert.Length, bits, bits);
        CountInRange(pair, range, scratch + (ulong)countsAt, scratch + (ulong)tilesAt, offsets: 0);
        var counts = new TileCount[tiles.Length];
        Read<TileCount>(scratch + (ulong)tilesAt, counts);
        for (int tile = 0; tile < tiles.Length; tile++)
        {
            tiles[tile] = counts[tile].Inside;
        }
    }

    /// <inheritdoc/>
    protected override long IndexOfEqualCore(DeviceSpan baseValues, DeviceSpan expert, uint bits, long n)
    {
        SelectionPair pair = Pair(baseValues, expert);
        long chunks = SelectionBlocks(expert.Length, SelectionChunk);
        var plan = new ScratchPlan();
        long resultAt = plan.Add(sizeof(long));
        long countsAt = plan.Add(chunks * sizeof(uint));
        ulong scratch = Scratch(plan.ByteLength);
        var range = new SelectionRange(expert.Length, bits, bits);
        CountInRange(pair, range, scratch + (ulong)countsAt, tiles: 0, offsets: 0);
        return Locate(pair, bits, n, scratch + (ulong)countsAt, SelectionChunk, scratch + (ulong)resultAt);
    }

    private static SelectionPair Pair(DeviceSpan baseValues, DeviceSpan expert) => new(
        Address(baseValues), Address(expert), expert.Length, Code(baseValues.DType), Code(expert.DType));

    private static long SelectionBlocks(long elements, int chunk) => (elements + chunk - 1) / chunk;

    // Counts per chunk, per tile (unless 0) what is in a range, and adds the chunks' counts up (unless 0).
    private void CountInRange(SelectionPair pair, SelectionRange range, ulong counts, ulong tiles, ulong offsets)
    {
        if (tiles != 0)
        {
            Clear(tiles, (long)TileGrid.TileCount(pair.Length) * 2 * sizeof(int));
        }

        long chunks = SelectionBlocks(pair.Length, SelectionChunk);
        var arguments = new SelectCountArguments(pair, range, counts, tiles);
        Launch("interfuse_select_count", chunks, SelectionThreads, arguments);
        if (offsets != 0)
        {
            Launch("interfuse_select_scan", 1, SelectionScanThreads, new SelectScanArguments(counts, offsets, chunks));
        }
    }

    private void Histogram(SelectionPair pair, uint low, int shift, ulong bins, Span<long> counts)
    {
        int chunk = SelectionSweepChunk(pair.Length);
        Clear(bins, (long)counts.Length * sizeof(long));
        Launch(
            "interfuse_select_histogram",
            SelectionBlocks(pair.Length, chunk),
            SelectionThreads,
            new SelectHistogramArguments(pair, bins, low, shift, counts.Length, chunk),
            counts.Length * sizeof(uint));
        Read(bins, counts);
    }

    // The index of an element by its rank among its equals, which are counted in chunks.
    private long Locate(SelectionPair pair, uint bits, long rank, ulong counts, int chunk, ulong result)
    {
        Launch("interfuse_select_locate", 1, SelectionScanThreads, new SelectLocateArguments(
            pair, counts, result, SelectionBlocks(pair.Length, chunk), rank, chunk, bits));
        return ReadOne<long>(result);
    }

    // How many elements a block of a sweep takes: a power of two up to a tile, so that each processor gets many
    // blocks.
    private int SelectionSweepChunk(long elements)
    {
        const int BlocksPerMultiprocessor = 64;
        int chunk = TileGrid.TileLength;
        while (chunk > SelectionStep && elements / chunk < (long)BlocksPerMultiprocessor * Multiprocessors)
        {
            chunk /= 2;
        }

        return chunk;
    }

    private T ReadOne<T>(ulong address)
        where T : unmanaged
    {
        T value = default;
        Read(address, new Span<T>(ref value));
        return value;
    }

    // Places for several things in one piece of scratch memory, each aligned to 256 bytes.
    private struct ScratchPlan
    {
        private const long Alignment = 256;

        public long ByteLength { get; private set; }

        public long Add(long byteLength)
        {
            long place = ByteLength;
            ByteLength += (byteLength + Alignment - 1) / Alignment * Alignment;
            return place;
        }
    }
}
