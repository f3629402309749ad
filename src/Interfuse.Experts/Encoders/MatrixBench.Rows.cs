using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Encoders;

// Matrices that need not be on the device as a whole: a method that works row by row needs memory for a few rows only.
internal sealed partial class MatrixBench
{
    // Elements, unless a row has more; and rows, which matters where they are short.
    private const long VisitLength = 1 << 20;
    private const long VisitRowLimit = 1 << 13;

    /// <summary>The most rows that <see cref="VisitRows"/> gives at a time.</summary>
    public static long RowsPerVisit(PlannedMatrix matrix) =>
        Math.Min(matrix.Channels, Math.Clamp(VisitLength / matrix.Columns, 1, VisitRowLimit));

    /// <summary>
    /// Visits the rows of all models' matrices from the first to the last, some whole ones at a time, which are read for it.
    /// How many depends on the shape only.
    /// </summary>
    /// <param name="visit">Is given the first row, how many there are, the base's elements and each expert's.</param>
    public void VisitRows(Action<long, long, DeviceSpan, DeviceSpan[]> visit)
    {
        long step = RowsPerVisit(Matrix);
        DeviceSpan[] room = [.. Matrix.Inputs.Select(input => Take(input.DType, step * Matrix.Columns))];
        var spans = new DeviceSpan[room.Length];
        for (long first = 0; first < Matrix.Channels; first += step)
        {
            long rows = Math.Min(step, Matrix.Channels - first);
            for (int input = 0; input < spans.Length; input++)
            {
                spans[input] = room[input].Slice(0, rows * Matrix.Columns);
                Read(Matrix.Inputs[input], first * Matrix.Columns, spans[input]);
            }

            visit(first, rows, spans[0], spans[1..]);
        }
    }

    private static long RowBytesPerVisit(PlannedMatrix matrix) =>
        RowsPerVisit(matrix) * matrix.Columns * matrix.Inputs.Sum(input => (long)input.DType.Size());
}
