using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute;

// Vectors stand side by side in panels, so that a row's element meets a whole panel at once; rows are widened to
// float32 a block at a time, which serves every panel.
internal sealed partial class CpuQueue
{
    // Rows that a thread takes at a time, and elements of them that it goes through at a time: with a panel's, they stay
    // in the caches near the core.
    private const int RowsPerPart = 8 * CpuKernels.TileRows;
    private const int MatMulDepth = 128;

    // Vectors that are multiplied in one pass over the matrix; a multiple of every panel's width.
    private const int VectorsPerPass = 256;

    private DeviceBuffer? _panels;

    protected override void MatMulCore(in GroupedBank bank, int expert, DeviceSpan x, DeviceSpan y) =>
        MatMul(new GroupedRows(bank), expert, x, y);

    private void MatMul<TRows>(TRows bank, int expert, DeviceSpan x, DeviceSpan y)
        where TRows : struct, IBankRows
    {
        int columns = checked((int)bank.Columns);
        int width = _device.Kernels.PanelWidth;
        int vectors = checked((int)(x.Length / columns));
        for (int first = 0; first < vectors; first += VectorsPerPass)
        {
            int count = Math.Min(VectorsPerPass, vectors - first);
            int panels = (count + width - 1) / width;
            DeviceSpan packed = Panels((long)panels * width * columns);
            DeviceSpan pass = x.Slice((long)first * columns, (long)count * columns);
            int depths = (columns + MatMulDepth - 1) / MatMulDepth;
            Run(new PackWork(pass, packed, width, columns, depths), panels * depths);
            int parts = checked((int)((bank.Channels + RowsPerPart - 1) / RowsPerPart));
            Run(
                new MatMulWork<TRows>(
                    bank, expert, packed, width, count, y.Slice(first * bank.Channels, count * bank.Channels)),
                parts);
        }
    }

    private DeviceSpan Panels(long elements)
    {
        if (_panels is null || _panels.ByteLength < elements * sizeof(float))
        {
            _panels?.Dispose();
            _panels = _device.Allocate(elements * sizeof(float));
        }

        return _panels.Span(DType.Float32, elements);
    }

    private static ReadOnlySpan<float> Floats(DeviceSpan span, long start, int length) =>
        MemoryMarshal.Cast<byte, float>(Bytes(span, start, length));

    private static Span<float> FloatsTo(DeviceSpan span, long start, int length) =>
        MemoryMarshal.Cast<byte, float>(Bytes(span, start, length));

    // Panel p holds [columns, width]: element k of vectors p * width and on. Vectors that are not there are zeros.
    private readonly struct PackWork(DeviceSpan x, DeviceSpan panels, int width, int columns, int depths) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            int panel = part / depths;
            int start = part % depths * MatMulDepth;
            int length = Math.Min(MatMulDepth, columns - start);
            Span<float> packed = FloatsTo(panels, (((long)panel * columns) + start) * width, length * width);
            int vectors = (int)(x.Length / columns);
            for (int t = 0; t < width; t++)
            {
                int vector = (panel * width) + t;
                if (vector < vectors)
                {
                    ReadOnlySpan<float> values = Floats(x, ((long)vector * columns) + start, length);
                    for (int k = 0, at = t; k < values.Length; k++, at += width)
                    {
                        packed[at] = values[k];
                    }
                }
                else
                {
                    for (int at = t; at < packed.Length; at += width)
                    {
                        packed[at] = 0f;
                    }
                }
            }
        }
    }

    private readonly struct MatMulWork<TRows>(
        TRows bank, int expert, DeviceSpan panels, int width, int vectors, DeviceSpan y) : IWork
        where TRows : struct, IBankRows
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            long firstRow = (long)part * RowsPerPart;
            int rows = (int)Math.Min(RowsPerPart, bank.Channels - firstRow);
            int columns = (int)bank.Columns;
            int tiles = (rows + CpuKernels.TileRows - 1) / CpuKernels.TileRows;
            int panelCount = (vectors + width - 1) / width;
            int tileLength = CpuKernels.TileRows * width;
            Span<float> weights = workspace.Weights(RowsPerPart * MatMulDepth);
            Span<float> sums = workspace.Sums(panelCount * tiles * tileLength);
            sums.Clear();
            for (int start = 0; start < columns; start += MatMulDepth)
            {
                int depth = Math.Min(MatMulDepth, columns - start);
                Widen(workspace, firstRow, rows, start, depth, weights);
                for (int panel = 0; panel < panelCount; panel++)
                {
                    ReadOnlySpan<float> packed = Floats(panels, (((long)panel * columns) + start) * width, depth * width);
                    for (int tile = 0; tile < tiles; tile++)
                    {
                        workspace.Kernels.AddTile(
                            weights.Slice(tile * CpuKernels.TileRows * MatMulDepth, CpuKernels.TileRows * MatMulDepth),
                            MatMulDepth,
                            packed,
                            sums.Slice(((panel * tiles) + tile) * tileLength, tileLength));
                    }
                }
            }

            Write(sums, firstRow, rows, tiles);
        }

        // Rows beyond the matrix's last keep what they had: their sums are not written.
        private void Widen(
            CpuWorkspace workspace, long firstRow, int rows, int start, int depth, Span<float> weights)
        {
            for (int row = 0; row < rows; row++)
            {
                bank.Widen(workspace, expert, firstRow + row, start, weights.Slice(row * MatMulDepth, depth));
            }
        }

        private void Write(ReadOnlySpan<float> sums, long firstRow, int rows, int tiles)
        {
            for (int vector = 0; vector < vectors; vector++)
            {
                Span<float> products = FloatsTo(y, (vector * bank.Channels) + firstRow, rows);
                ReadOnlySpan<float> panel = sums[(vector / width * tiles * CpuKernels.TileRows * width)..];
                for (int row = 0, at = vector % width; row < rows; row++, at += width)
                {
                    products[row] = panel[at];
                }
            }
        }
    }
}
