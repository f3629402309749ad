namespace Interfuse.Compute;

// A row is a sum of rows of the right factor, so rows of one expert are a matrix product, done by the tiles of MatMul:
// those of the shared matrix are the sums it starts with.
internal sealed partial class CpuQueue
{
    // Rows that a thread takes at a time, and columns that it makes of them at a time: a whole number of panels, whose
    // part of the right factor stays in the caches near the core.
    private const int LowRankRows = 8 * CpuKernels.TileRows;
    private const int LowRankColumns = 256;


    protected override void GatherCore(in LowRankBank bank, int expert, long firstRow, DeviceSpan destination)
    {
        long rows = destination.Length / bank.Columns;
        Run(
            new LowRankRowsWork(bank, expert, firstRow, rows, destination),
            checked((int)((rows + LowRankRows - 1) / LowRankRows)));
    }

    protected override void GatherBatchCore(
        in LowRankBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination) =>
        Run(new LowRankBatchWork(bank, Keep(requests), destination), requests.Length);

    private readonly struct LowRankRowsWork(
        LowRankBank bank, int expert, long firstRow, long rows, DeviceSpan destination) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            long first = (long)part * LowRankRows;
            int count = (int)Math.Min(LowRankRows, rows - first);
            new LowRankRowMaker(bank, workspace).Make(
                expert, firstRow + first, count, destination.Slice(first * bank.Columns, count * bank.Columns));
        }
    }

    private readonly struct LowRankBatchWork(LowRankBank bank, ExpertRow[] requests, DeviceSpan destination) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            ExpertRow request = requests[part];
            DeviceSpan room = destination.Slice(part * bank.Columns, bank.Columns);
            if (request.Expert == LowRankBank.SharedOnly)
            {
                int columns = checked((int)bank.Columns);
                Bytes(bank.Shared, request.Row * columns, columns).CopyTo(Bytes(room, 0, columns));
            }
            else
            {
                new LowRankRowMaker(bank, workspace).Make(request.Expert, request.Row, 1, room);
            }
        }
    }

    // Makes up to LowRankRows consecutive rows of one expert.
    private readonly struct LowRankRowMaker(LowRankBank bank, CpuWorkspace workspace)
    {
        private readonly CpuKernels _kernels = workspace.Kernels;

        public void Make(int expert, long firstRow, int rows, DeviceSpan destination)
        {
            int width = _kernels.PanelWidth;
            int rank = bank.Rank;
            int tileLength = CpuKernels.TileRows * width;
            int tiles = (rows + CpuKernels.TileRows - 1) / CpuKernels.TileRows;

            // Rows beyond the last one hold whatever was there: what comes of them is not stored.
            Span<float> sums = workspace.Sums(tileLength + (tiles * CpuKernels.TileRows * rank));
            Span<float> tile = sums[..tileLength];
            Span<float> left = sums[tileLength..];
            Widen(bank.Left, ((expert * bank.Channels) + firstRow) * rank, left[..(rows * rank)]);
            for (long start = 0; start < bank.Columns; start += LowRankColumns)
            {
                int length = (int)Math.Min(LowRankColumns, bank.Columns - start);
                Span<float> panels = workspace.Weights(LowRankColumns * rank);
                PackRight(expert, start, length, width, panels);
                for (int row = 0; row < rows; row += CpuKernels.TileRows)
                {
                    int count = Math.Min(CpuKernels.TileRows, rows - row);
                    Span<float> made = workspace.Scratch(CpuKernels.TileRows);
                    for (int i = 0; i < count; i++)
                    {
                        Widen(
                            bank.Shared,
                            ((firstRow + row + i) * bank.Columns) + start,
                            made.Slice(i * CpuWorkspace.RowStride, length));
                    }

                    for (int column = 0; column < length; column += width)
                    {
                        Span<float> place = made[column..];
                        CopyRows(place, CpuWorkspace.RowStride, tile, width, width);
                        _kernels.AddTile(
                            left.Slice(row * rank, CpuKernels.TileRows * rank),
                            rank,
                            panels.Slice(column * rank, width * rank),
                            tile);
                        CopyRows(tile, width, place, CpuWorkspace.RowStride, width);
                    }

                    for (int i = 0; i < count; i++)
                    {
                        _kernels.Narrow(
                            made.Slice(i * CpuWorkspace.RowStride, length),
                            destination.DType,
                            Bytes(destination, ((row + i) * bank.Columns) + start, length));
                    }
                }
            }
        }

        // Panel p holds [rank, width]: columns p * width and on of each row of the right factor.
        private void PackRight(int expert, long start, int length, int width, Span<float> panels)
        {
            Span<float> row = workspace.Result(LowRankColumns);
            for (int k = 0; k < bank.Rank; k++)
            {
                Widen(bank.Right, ((((long)expert * bank.Rank) + k) * bank.Columns) + start, row[..length]);
                for (int column = 0; column < length; column += width)
                {
                    row.Slice(column, width).CopyTo(panels[((column * bank.Rank) + (k * width))..]);
                }
            }
        }

        private void Widen(DeviceSpan values, long first, Span<float> destination) =>
            _kernels.Widen(Bytes(values, first, destination.Length), values.DType, destination);

        private static void CopyRows(Span<float> from, int fromStride, Span<float> to, int toStride, int length)
        {
            for (int i = 0; i < CpuKernels.TileRows; i++)
            {
                from.Slice(i * fromStride, length).CopyTo(to[(i * toStride)..]);
            }
        }
    }
}
