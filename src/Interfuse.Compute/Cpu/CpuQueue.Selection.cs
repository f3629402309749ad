using Interfuse.Compute.Selection;

namespace Interfuse.Compute;

internal sealed partial class CpuQueue
{
    // Tiles that one step of a search holds candidates for.
    private const int SearchTiles = 64;

    private TileCount[] _tileCounts = [];
    private int[] _equalCounts = [];
    private uint[] _candidates = [];

    protected override TopKThreshold FindThresholdCore(DeviceSpan baseValues, DeviceSpan expert, long keep)
    {
        long elements = expert.Length;
        var search = new MagnitudeSearch(keep, elements, Math.Max(elements / 8, TileGrid.TileLength));
        Sample(search, baseValues, expert);
        Reserve(ref _candidates, (int)Math.Min(elements, SearchTiles * TileGrid.TileLength));
        for (search.Advance(); !search.IsResolved; search.Advance())
        {
            for (int tile = 0; tile < TileGrid.TileCount(elements); tile += SearchTiles)
            {
                long start = (long)tile * TileGrid.TileLength;
                long length = Math.Min(elements - start, SearchTiles * TileGrid.TileLength);
                search.Visit(this, baseValues.Slice(start, length), expert.Slice(start, length), tile, _candidates);
            }
        }

        if (search.CutTile >= 0)
        {
            long start = (long)search.CutTile * TileGrid.TileLength;
            int length = TileLength(search.CutTile, elements);
            search.Locate(this, baseValues.Slice(start, length), expert.Slice(start, length));
        }

        return search.Threshold;
    }

    protected override long CompactCore(
        DeviceSpan baseValues, DeviceSpan expert, TopKThreshold keep, DeviceSpan values, DeviceSpan indices)
    {
        int tiles = TileGrid.TileCount(expert.Length);
        long[] ends = new long[tiles];
        RunTiles(new CompactWork(baseValues, expert, keep, ends, null, default, default), expert.Length);
        for (int tile = 1; tile < tiles; tile++)
        {
            ends[tile] += ends[tile - 1];
        }

        long kept = tiles == 0 ? 0 : ends[^1];
        if (kept <= values.Length)
        {
            RunTiles(new CompactWork(baseValues, expert, keep, null, ends, values, indices), expert.Length);
        }

        return kept;
    }

    protected override void MagnitudeHistogramCore(
        DeviceSpan baseValues, DeviceSpan expert, uint low, int shift, Span<long> bins)
    {
        long[] sums = new long[bins.Length];
        RunTiles(new HistogramWork(baseValues, expert, low, shift, sums), expert.Length);
        for (int bin = 0; bin < bins.Length; bin++)
        {
            bins[bin] += sums[bin];
        }
    }

    protected override unsafe int CountAndCollectCore(
        DeviceSpan baseValues, DeviceSpan expert, uint low, uint high, Span<TileCount> tiles, Span<uint> candidates)
    {
        Reserve(ref _tileCounts, tiles.Length);
        fixed (uint* first = candidates)
        {
            RunTiles(new CollectWork(baseValues, expert, low, high, _tileCounts, (nint)first), expert.Length);
        }

        // Each tile's candidates stand where the tile begins; close up the gaps.
        int collected = 0;
        for (int tile = 0; tile < tiles.Length; tile++)
        {
            tiles[tile] = _tileCounts[tile];
            candidates.Slice(tile * TileGrid.TileLength, tiles[tile].Inside).CopyTo(candidates[collected..]);
            collected += tiles[tile].Inside;
        }

        return collected;
    }

    protected override void CountEqualCore(DeviceSpan baseValues, DeviceSpan expert, uint bits, Span<int> tiles)
    {
        Reserve(ref _equalCounts, tiles.Length);
        RunTiles(new CountEqualWork(baseValues, expert, bits, _equalCounts), expert.Length);
        _equalCounts.AsSpan(0, tiles.Length).CopyTo(tiles);
    }

    protected override long IndexOfEqualCore(DeviceSpan baseValues, DeviceSpan expert, uint bits, long n)
    {
        CpuWorkspace workspace = _workspaces[0];
        for (long start = 0; start < expert.Length; start += TileGrid.BlockLength)
        {
            Rows block = workspace.Widen(
                baseValues, expert, start, (int)Math.Min(expert.Length - start, TileGrid.BlockLength));
            int count = workspace.Kernels.CountEqual(block[0], block[1], bits);
            if (n < count)
            {
                return start + workspace.Kernels.IndexOfEqual(block[0], block[1], bits, (int)n);
            }

            n -= count;
        }

        return -1;
    }

    private void Sample(MagnitudeSearch search, DeviceSpan baseValues, DeviceSpan expert)
    {
        int[] tiles = SamplePlan.Tiles(TileGrid.TileCount(expert.Length));
        if (tiles.Length == 0)
        {
            return;
        }

        search.BeginSample(tiles.Length * TileGrid.BlockLength);
        for (int place = 0; place < tiles.Length; place++)
        {
            int tileLength = TileLength(tiles[place], expert.Length);
            int offset = SamplePlan.BlockStart(tiles[place], tileLength);
            long start = ((long)tiles[place] * TileGrid.TileLength) + offset;
            int length = Math.Min(tileLength - offset, TileGrid.BlockLength);
            search.Sample(
                this, baseValues.Slice(start, length), expert.Slice(start, length), place * TileGrid.BlockLength);
        }
    }

    private readonly struct CollectWork(
        DeviceSpan baseValues, DeviceSpan expert, uint low, uint high, TileCount[] tiles, nint candidates) : IWork
    {
        public unsafe void Do(CpuWorkspace workspace, int part)
        {
            long first = (long)part * TileGrid.TileLength;
            int length = TileLength(part, expert.Length);
            var room = new Span<uint>((uint*)candidates + first, length);
            if (AreBFloat16(baseValues, expert))
            {
                (int tileAbove, int tileInside) = workspace.Kernels.CountAndCollect(
                    Bytes(baseValues, first, length), Bytes(expert, first, length), low, high, room);
                tiles[part] = new TileCount(tileAbove, tileInside);
                return;
            }

            int above = 0;
            int inside = 0;
            for (int start = 0; start < length; start += TileGrid.BlockLength)
            {
                Rows block = workspace.Widen(
                    baseValues, expert, first + start, Math.Min(length - start, TileGrid.BlockLength));
                (int blockAbove, int blockInside) =
                    workspace.Kernels.CountAndCollect(block[0], block[1], low, high, room[inside..]);
                above += blockAbove;
                inside += blockInside;
            }

            tiles[part] = new TileCount(above, inside);
        }
    }

    private readonly struct CountEqualWork(
        DeviceSpan baseValues, DeviceSpan expert, uint bits, int[] tiles) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            long first = (long)part * TileGrid.TileLength;
            int length = TileLength(part, expert.Length);
            if (AreBFloat16(baseValues, expert))
            {
                tiles[part] = workspace.Kernels.CountEqual(
                    Bytes(baseValues, first, length), Bytes(expert, first, length), bits);
                return;
            }

            int count = 0;
            for (int start = 0; start < length; start += TileGrid.BlockLength)
            {
                Rows block = workspace.Widen(
                    baseValues, expert, first + start, Math.Min(length - start, TileGrid.BlockLength));
                count += workspace.Kernels.CountEqual(block[0], block[1], bits);
            }

            tiles[part] = count;
        }
    }

    private readonly struct HistogramWork(
        DeviceSpan baseValues, DeviceSpan expert, uint low, int shift, long[] sums) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            long first = (long)part * TileGrid.TileLength;
            int length = TileLength(part, expert.Length);
            Span<int> bins = workspace.Bins(sums.Length);
            for (int start = 0; start < length; start += TileGrid.BlockLength)
            {
                Rows block = workspace.Widen(
                    baseValues, expert, first + start, Math.Min(length - start, TileGrid.BlockLength));
                workspace.Kernels.MagnitudeHistogram(block[0], block[1], low, shift, bins);
            }

            lock (sums)
            {
                for (int bin = 0; bin < bins.Length; bin++)
                {
                    sums[bin] += bins[bin];
                }
            }
        }
    }

    // Run twice: first to count (counts is given), then to write from where the tile before ended (ends is given).
    private readonly struct CompactWork(
        DeviceSpan baseValues,
        DeviceSpan expert,
        TopKThreshold keep,
        long[]? counts,
        long[]? ends,
        DeviceSpan values,
        DeviceSpan indices) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            long first = (long)part * TileGrid.TileLength;
            long end = first + TileLength(part, expert.Length);
            long begin = ends is null || part == 0 ? 0 : ends[part - 1];
            long kept = begin;
            long start = first;
            while (start < end)
            {
                // Up to the cut one bound holds, from there on the next.
                long cut = keep.TieEnd > start ? Math.Min(keep.TieEnd, end) : end;
                Rows block = workspace.Widen(baseValues, expert, start, (int)Math.Min(cut - start, TileGrid.BlockLength));
                Span<uint> places = workspace.Words(1)[..block.Length];
                int count = workspace.Kernels.KeptElements(block[0], block[1], keep.MinimumBits(start), places);
                if (counts is null)
                {
                    Write(workspace, block, places[..count], start, kept);
                }

                kept += count;
                start += block.Length;
            }

            if (counts is not null)
            {
                counts[part] = kept - begin;
            }
        }

        private void Write(CpuWorkspace workspace, Rows block, ReadOnlySpan<uint> places, long start, long kept)
        {
            Span<float> deltas = workspace.Result(places.Length);
            for (int place = 0; place < places.Length; place++)
            {
                int index = (int)places[place];
                deltas[place] = block[1][index] - block[0][index];
            }

            workspace.Kernels.Narrow(deltas, values.DType, Bytes(values, kept, places.Length));
            WriteIndices(places, start, kept);
        }

        private void WriteIndices(ReadOnlySpan<uint> places, long start, long kept)
        {
            Span<byte> room = Bytes(indices, kept, places.Length);
            int size = room.Length / Math.Max(places.Length, 1);
            for (int place = 0; place < places.Length; place++)
            {
                long index = start + places[place];
                if (size == sizeof(long))
                {
                    BitConverter.TryWriteBytes(room[(place * sizeof(long))..], index);
                }
                else
                {
                    BitConverter.TryWriteBytes(room[(place * sizeof(int))..], (int)index);
                }
            }
        }
    }
}
