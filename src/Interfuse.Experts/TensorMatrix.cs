namespace Interfuse.Experts;

/// <summary>A tensor of any shape as the matrix whose rows are its channels.</summary>
/// <param name="Rows">m: the first extent, or 1 where there are fewer than two.</param>
/// <param name="Columns">n: the product of the others.</param>
public readonly record struct TensorMatrix(long Rows, long Columns)
{
    /// <summary>The matrix of a shape.</summary>
    /// <param name="shape">The extents, none negative.</param>
    /// <exception cref="OverflowException">The product of the columns' extents does not fit 64 bits.</exception>
    public static TensorMatrix Of(IReadOnlyList<long> shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        int columnsFrom = shape.Count < 2 ? 0 : 1;
        long columns = 1;
        for (int i = columnsFrom; i < shape.Count; i++)
        {
            columns = checked(columns * shape[i]);
        }

        return new TensorMatrix(columnsFrom == 0 ? 1 : shape[0], columns);
    }
}
