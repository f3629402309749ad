using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    private static void CheckSource(
        ReadOnlySpan<float> source,
        Span<float> destination,
        [CallerArgumentExpression(nameof(source))] string name = "")
    {
        CheckLength(source.Length, destination.Length, name);
        CheckOverlap(source, destination, name);
    }

    private static void CheckRows(
        Rows rows,
        int terms,
        Span<float> destination,
        [CallerArgumentExpression(nameof(rows))] string name = "")
    {
        if (rows.Count == 0 || rows.Count != terms)
        {
            throw new ArgumentException(
                $"There are {rows.Count} rows and {terms} weights; give at least one, and as many.", name);
        }

        CheckLength(rows.Length, destination.Length, name);
        for (int row = 0; row < rows.Count; row++)
        {
            CheckOverlap(rows[row], destination, name);
        }
    }

    private static void CheckLength(int actual, int expected, string name)
    {
        if (actual != expected)
        {
            throw new ArgumentException($"The length is {actual}, but {expected} is needed.", name);
        }
    }

    private static void CheckOverlap(ReadOnlySpan<float> source, Span<float> destination, string name)
    {
        if (MemoryMarshal.AsBytes(source).Overlaps(MemoryMarshal.AsBytes(destination), out int offset) && offset != 0)
        {
            throw new ArgumentException("The destination overlaps a source without being the same memory.", name);
        }
    }
}
