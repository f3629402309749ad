using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Interfuse.Checkpoints;

namespace Interfuse.Compute;

// A bank is defined by its experts' rows, and every operation on it follows from them: each is written once, for banks of
// any kind.
internal sealed partial class CpuQueue
{
    // Bytes.
    private const int CacheLine = 64;

    /// <summary>The rows of a bank's experts.</summary>
    private interface IBankRows
    {
        long Channels { get; }

        long Columns { get; }

        /// <summary>Copies a row, its elements as they are stored.</summary>
        void Copy(CpuWorkspace workspace, int expert, long channel, Span<byte> destination);

        /// <summary>A part of a row as float32.</summary>
        /// <param name="workspace">The thread's own.</param>
        /// <param name="expert">The expert.</param>
        /// <param name="channel">Which of its rows.</param>
        /// <param name="start">The first element, a multiple of <see cref="MatMulDepth"/>.</param>
        /// <param name="values">Receives them.</param>
        void Widen(CpuWorkspace workspace, int expert, long channel, int start, Span<float> values);

        /// <summary>The addresses of consecutive rows of one expert, of a type that products are taken from.</summary>
        /// <remarks>They may lie in the workspace, where they stay until its weights are asked for again.</remarks>
        /// <param name="workspace">The thread's own.</param>
        /// <param name="expert">The expert.</param>
        /// <param name="channel">The first of its rows.</param>
        /// <param name="stride">From one row's first element to the next one's where rows are made.</param>
        /// <param name="rows">Receives the addresses.</param>
        /// <param name="areMade">Whether they lie in the workspace, and so in the caches.</param>
        /// <returns>The elements' type.</returns>
        DType Locate(
            CpuWorkspace workspace, int expert, long channel, int stride, Span<nint> rows, out bool areMade);

        /// <summary>Where a row lies, or 0 where rows are made.</summary>
        nint Place(int expert, long channel);

        /// <summary>
        /// Asks for a part of what consecutive rows are made of, so that it comes from memory while others are multiplied.
        /// </summary>
        /// <param name="expert">The expert, or none if its own part was asked for before.</param>
        /// <param name="channel">The first of the rows.</param>
        /// <param name="rows">How many there are.</param>
        /// <param name="part">Which part of what they share.</param>
        /// <param name="parts">In how many parts that is asked for.</param>
        void Prefetch(int? expert, long channel, int rows, int part, int parts);
    }

    // Asks for elements; none of them beyond the last.
    private static unsafe void Prefetch(DeviceSpan span, long first, long length)
    {
        if (Sse.IsSupported && length > 0)
        {
            byte* end = Address(span, first + length);
            for (byte* line = Address(span, first); line < end; line += CacheLine)
            {
                Sse.Prefetch1(line);
            }
        }
    }

    // A part of the elements of consecutive rows of a matrix.
    private static void PrefetchRows(DeviceSpan matrix, long columns, long channel, int rows, int part, int parts)
    {
        long elements = rows * columns;
        long from = elements * part / parts;
        Prefetch(matrix, (channel * columns) + from, (elements * (part + 1) / parts) - from);
    }

    // Makes rows as float32 in the workspace.
    private static unsafe DType MakeRows<TRows>(
        in TRows bank, CpuWorkspace workspace, int expert, long channel, int stride, Span<nint> rows)
        where TRows : struct, IBankRows
    {
        Span<float> made = workspace.Weights(rows.Length * stride);
        for (int i = 0; i < rows.Length; i++)
        {
            Span<float> row = made.Slice(i * stride, (int)bank.Columns);
            bank.Widen(workspace, expert, channel + i, 0, row);

            // Workspaces are pinned.
            rows[i] = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(row));
        }

        return DType.Float32;
    }

    // Rows as they lie in a bank.
    private readonly struct GroupedRows(GroupedBank bank) : IBankRows
    {
        public long Channels => bank.Channels;

        public long Columns => bank.Columns;

        public void Copy(CpuWorkspace workspace, int expert, long channel, Span<byte> destination) =>
            Row(expert, channel).CopyTo(destination);

        public void Widen(CpuWorkspace workspace, int expert, long channel, int start, Span<float> values)
        {
            int size = bank.Rows.DType.Size();
            workspace.Kernels.Widen(
                Row(expert, channel).Slice(start * size, values.Length * size), bank.Rows.DType, values);
        }

        public unsafe DType Locate(
            CpuWorkspace workspace, int expert, long channel, int stride, Span<nint> rows, out bool areMade)
        {
            if (bank.Rows.DType is not (DType.BFloat16 or DType.Float32))
            {
                areMade = true;
                return MakeRows(this, workspace, expert, channel, stride, rows);
            }

            areMade = false;
            ReadOnlySpan<int> index = MemoryMarshal.Cast<byte, int>(
                Bytes(bank.Index, (expert * bank.Channels) + channel, rows.Length));
            for (int i = 0; i < rows.Length; i++)
            {
                rows[i] = (nint)Address(bank.Rows, index[i] * bank.Columns);
            }

            return bank.Rows.DType;
        }

        public unsafe nint Place(int expert, long channel) => (nint)Address(
            bank.Rows,
            bank.Columns * MemoryMarshal.Read<int>(Bytes(bank.Index, (expert * bank.Channels) + channel, 1)));

        public void Prefetch(int? expert, long channel, int rows, int part, int parts)
        {
            // The products themselves ask for the rows that follow.
        }

        private Span<byte> Row(int expert, long channel)
        {
            int row = MemoryMarshal.Read<int>(Bytes(bank.Index, (expert * bank.Channels) + channel, 1));
            return Bytes(bank.Rows.Slice(row * bank.Columns, bank.Columns), 0, checked((int)bank.Columns));
        }
    }
}
