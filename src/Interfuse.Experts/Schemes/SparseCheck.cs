using System.Numerics;
using System.Runtime.CompilerServices;
using Interfuse.Checkpoints;

namespace Interfuse.Experts.Schemes;

/// <summary>
/// Looks through starts and places of a sparse tensor: starts begin with 0, never fall and end with the number of values;
/// places of a row ascend and are columns.
/// </summary>
internal sealed class SparseCheck(
    TensorMatrix matrix, IReadOnlyList<string> experts, MappedTensor starts, MappedTensor places)
{
    // Rows that a thread takes have about so many values.
    private const long PartValues = 1 << 20;

    private readonly long _rows = experts.Count * matrix.Rows;
    private readonly long _count = places.Info.ElementCount;

    /// <summary>Checks.</summary>
    /// <exception cref="CheckpointFormatException">Something is not as it should be.</exception>
    public void Run()
    {
        CheckStarts();
        long parts = Math.Clamp(_count / PartValues, 1, Math.Max(1, _rows));
        Parallels.Run(
            Enumerable.Range(0, (int)Math.Min(parts, int.MaxValue)),
            part => CheckPlaces((long)((Int128)_rows * part / parts), (long)((Int128)_rows * (part + 1) / parts)),
            CancellationToken.None);
    }

    private unsafe void CheckStarts()
    {
        using MappedTensor.Pin held = starts.Hold();
        byte* entries = held.Address;
        long place = 0;
        for (; place <= _rows - Vector<int>.Count; place += Vector<int>.Count)
        {
            if (Vector.GreaterThanAny(
                Unsafe.ReadUnaligned<Vector<int>>(entries + (place * sizeof(int))),
                Unsafe.ReadUnaligned<Vector<int>>(entries + ((place + 1) * sizeof(int)))))
            {
                break;
            }
        }

        for (; place < _rows && Start(entries, place) <= Start(entries, place + 1); place++)
        {
        }

        if (place < _rows)
        {
            throw Fault(
                starts,
                $"begins row {Row(place)} at value {Start(entries, place)} and ends it at {Start(entries, place + 1)}");
        }

        if (Start(entries, 0) != 0 || Start(entries, _rows) != _count)
        {
            throw Fault(
                starts,
                $"goes from value {Start(entries, 0)} to {Start(entries, _rows)}, where 0 to {_count} is expected, as many as there are values");
        }
    }

    private unsafe void CheckPlaces(long firstRow, long endRow)
    {
        using MappedTensor.Pin heldStarts = starts.Hold();
        using MappedTensor.Pin heldPlaces = places.Hold();
        byte* entries = heldStarts.Address;
        bool isNarrow = places.Info.DType == DType.UInt16;
        for (long row = firstRow; row < endRow; row++)
        {
            int start = Start(entries, row);
            int count = Start(entries, row + 1) - start;
            if (!(isNarrow ? IsSound<ushort>(heldPlaces.Address, start, count) : IsSound<int>(heldPlaces.Address, start, count)))
            {
                throw Fault(
                    places,
                    $"does not list columns of {matrix.Columns} in ascending order for row {Row(row)}");
            }
        }
    }

    // What ascends is within the columns where the first and the last are.
    private unsafe bool IsSound<T>(byte* all, int start, int count)
        where T : unmanaged, IBinaryInteger<T>
    {
        byte* row = all + ((long)start * sizeof(T));
        int place = 0;
        for (; place < count - Vector<T>.Count; place += Vector<T>.Count)
        {
            if (Vector.GreaterThanOrEqualAny(
                Unsafe.ReadUnaligned<Vector<T>>(row + ((long)place * sizeof(T))),
                Unsafe.ReadUnaligned<Vector<T>>(row + ((place + 1L) * sizeof(T)))))
            {
                return false;
            }
        }

        for (; place < count - 1; place++)
        {
            if (Column<T>(row, place) >= Column<T>(row, place + 1))
            {
                return false;
            }
        }

        return count == 0 || (Column<T>(row, 0) >= 0 && Column<T>(row, count - 1) < matrix.Columns);
    }

    private static unsafe long Column<T>(byte* row, int place)
        where T : unmanaged, IBinaryInteger<T> =>
        long.CreateTruncating(Unsafe.ReadUnaligned<T>(row + ((long)place * sizeof(T))));

    private static unsafe int Start(byte* entries, long place) =>
        Unsafe.ReadUnaligned<int>(entries + (place * sizeof(int)));

    private string Row(long row) => $"{row % matrix.Rows} of the expert '{experts[(int)(row / matrix.Rows)]}'";

    private static CheckpointFormatException Fault(MappedTensor part, string what) =>
        new(part.Path, $"{what}; the pack is damaged, make it again", part.Info.Name);
}
