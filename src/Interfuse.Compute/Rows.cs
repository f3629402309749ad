namespace Interfuse.Compute;

/// <summary>
/// Equally long rows of float32 in one span: row i starts at element <c>i * stride</c>. One row holds one input's
/// block.
/// </summary>
public readonly ref struct Rows
{
    /// <summary>Describes rows inside a span.</summary>
    /// <param name="data">The elements of all rows, and whatever lies between them.</param>
    /// <param name="count">Number of rows, 0 or more.</param>
    /// <param name="length">Elements in each row, 0 or more.</param>
    /// <param name="stride">
    /// Elements from one row's start to the next one's, at least <paramref name="length"/>.
    /// </param>
    /// <exception cref="ArgumentException">The rows overlap each other or reach beyond the span.</exception>
    public Rows(ReadOnlySpan<float> data, int count, int length, int stride)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, length);
        if (count > 0 && ((count - 1L) * stride) + length > data.Length)
        {
            throw new ArgumentException(
                $"{count} rows of {length} elements, {stride} apart, do not fit into {data.Length} elements.",
                nameof(data));
        }

        Data = data;
        Count = count;
        Length = length;
        Stride = stride;
    }

    /// <summary>Number of rows.</summary>
    public int Count { get; }

    /// <summary>Elements in each row.</summary>
    public int Length { get; }

    /// <summary>One row.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public ReadOnlySpan<float> this[int row]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)Count, nameof(row));
            return Data.Slice(row * Stride, Length);
        }
    }

    /// <summary>The rows from one on.</summary>
    /// <param name="row">The first row to keep, 0 to <see cref="Count"/>.</param>
    public Rows From(int row) => new(Data[Math.Min(row * Stride, Data.Length)..], Count - row, Length, Stride);

    /// <summary>The same columns of every row.</summary>
    /// <param name="start">The first column, 0 to <see cref="Length"/>.</param>
    /// <param name="length">How many columns.</param>
    public Rows Columns(int start, int length) => new(Data[start..], Count, length, Stride);

    internal ReadOnlySpan<float> Data { get; }

    internal int Stride { get; }
}
