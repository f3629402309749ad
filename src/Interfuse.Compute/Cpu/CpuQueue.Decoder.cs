using System.Runtime.InteropServices;

namespace Interfuse.Compute;

internal sealed partial class CpuQueue
{
    // Elements that a thread is given at a time, at the least: fewer are not worth waking one.
    private const int ElementsPerPart = 1 << 14;

    protected override void RmsNormCore(
        DeviceSpan x, DeviceSpan weights, DeviceSpan experts, int columns, float epsilon, DeviceSpan y) =>
        RunRows(new NormWork(x, weights, experts, new RowParts(x.Length, columns), epsilon, y));

    protected override void AddBiasCore(DeviceSpan y, DeviceSpan bias, DeviceSpan experts, int columns) =>
        RunRows(new BiasWork(y, bias, experts, new RowParts(y.Length, columns)));

    protected override void RotateCore(DeviceSpan x, DeviceSpan angles, int headLength) =>
        RunRows(new RotateWork(x, angles, headLength, new RowParts(x.Length, headLength)));

    protected override void SwiGluCore(DeviceSpan gate, DeviceSpan up, DeviceSpan y) =>
        RunRows(new SwiGluWork(gate, up, y, new RowParts(y.Length, 1)));

    private void RunRows<TWork>(TWork work)
        where TWork : IRowWork =>
        Run(work, work.Parts.Count);

    // The expert of a row: consecutive rows belong to one item.
    private static int ExpertOf(DeviceSpan experts, long row, long rows) =>
        MemoryMarshal.Read<int>(Bytes(experts, row / (rows / experts.Length), 1));

    private interface IRowWork : IWork
    {
        RowParts Parts { get; }
    }

    // Rows dealt out in parts of at least ElementsPerPart elements.
    private readonly struct RowParts(long elements, int columns)
    {
        private readonly long _rowsPerPart = Math.Max(1, ElementsPerPart / columns);

        public long Rows => elements / columns;

        public int Columns => columns;

        public int Count => checked((int)((Rows + _rowsPerPart - 1) / _rowsPerPart));

        public long First(int part) => part * _rowsPerPart;

        public long End(int part) => Math.Min(Rows, (part + 1) * _rowsPerPart);
    }

    private readonly struct NormWork(
        DeviceSpan x, DeviceSpan weights, DeviceSpan experts, RowParts parts, float epsilon, DeviceSpan y) : IRowWork
    {
        public RowParts Parts => parts;

        public void Do(CpuWorkspace workspace, int part)
        {
            for (long row = parts.First(part); row < parts.End(part); row++)
            {
                long expert = ExpertOf(experts, row, parts.Rows);
                workspace.Kernels.RmsNorm(
                    Floats(x, row * parts.Columns, parts.Columns),
                    Floats(weights, expert * parts.Columns, parts.Columns),
                    epsilon,
                    FloatsTo(y, row * parts.Columns, parts.Columns));
            }
        }
    }

    private readonly struct BiasWork(DeviceSpan y, DeviceSpan bias, DeviceSpan experts, RowParts parts) : IRowWork
    {
        public RowParts Parts => parts;

        public void Do(CpuWorkspace workspace, int part)
        {
            for (long row = parts.First(part); row < parts.End(part); row++)
            {
                long expert = ExpertOf(experts, row, parts.Rows);
                workspace.Kernels.Add(
                    Floats(bias, expert * parts.Columns, parts.Columns),
                    FloatsTo(y, row * parts.Columns, parts.Columns));
            }
        }
    }

    private readonly struct RotateWork(DeviceSpan x, DeviceSpan angles, int headLength, RowParts parts) : IRowWork
    {
        public RowParts Parts => parts;

        public void Do(CpuWorkspace workspace, int part)
        {
            long headsPerToken = x.Length / angles.Length;
            int half = headLength / 2;
            for (long head = parts.First(part); head < parts.End(part); head++)
            {
                long first = head / headsPerToken * headLength;
                workspace.Kernels.Rotate(
                    FloatsTo(x, head * headLength, half),
                    FloatsTo(x, (head * headLength) + half, half),
                    Floats(angles, first, half),
                    Floats(angles, first + half, half));
            }
        }
    }

    private readonly struct SwiGluWork(DeviceSpan gate, DeviceSpan up, DeviceSpan y, RowParts parts) : IRowWork
    {
        public RowParts Parts => parts;

        public void Do(CpuWorkspace workspace, int part)
        {
            long first = parts.First(part);
            int length = (int)(parts.End(part) - first);
            workspace.Kernels.SwiGlu(Floats(gate, first, length), Floats(up, first, length), FloatsTo(y, first, length));
        }
    }
}
