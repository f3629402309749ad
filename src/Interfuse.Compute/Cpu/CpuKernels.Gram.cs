using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    // Products summed in one sweep over a block, so that one addition needn't wait for the one before.
    private const int ProductsPerSweep = 4;

    /// <summary>
    /// Adds a block's share to the inner products of some rows, in float64 and in the canonical order of <see
    /// cref="Dot"/>.
    /// </summary>
    /// <param name="rows">A block of each row.</param>
    /// <param name="gram">
    /// The lower triangle of [N, N] receives the sums: row e's product with row f, up to e, at <c>e * N + f</c>.
    /// </param>
    /// <exception cref="ArgumentException">The matrix has another size.</exception>
    public void AddGram(Rows rows, Span<double> gram)
    {
        CheckLength(gram.Length, rows.Count * rows.Count, nameof(gram));
        Span<double> lanes = stackalloc double[ProductsPerSweep * ReductionLanes];
        for (int row = 0; row < rows.Count; row++)
        {
            for (int first = 0; first <= row; first += ProductsPerSweep)
            {
                if (first == row)
                {
                    gram[(row * rows.Count) + row] += SquareSum(rows[row]);
                    continue;
                }

                lanes.Clear();
                var reduction = new ProductsReduction(rows, row, first, lanes);
                Reduce(ref reduction, rows.Length);
                for (int product = 0; product < ProductsPerSweep && first + product <= row; product++)
                {
                    gram[(row * rows.Count) + first + product] +=
                        Combine(lanes.Slice(product * ReductionLanes, ReductionLanes));
                }
            }
        }
    }

    // A row's products with four others; where fewer are left, the last one's are taken again and thrown away.
    private readonly ref struct ProductsReduction(Rows rows, int row, int first, Span<double> lanes) : IReduction
    {
        private readonly ref readonly float _row = ref MemoryMarshal.GetReference(rows[row]);
        private readonly ref readonly float _other0 = ref MemoryMarshal.GetReference(rows[first]);
        private readonly ref readonly float _other1 = ref MemoryMarshal.GetReference(rows[Math.Min(first + 1, row)]);
        private readonly ref readonly float _other2 = ref MemoryMarshal.GetReference(rows[Math.Min(first + 2, row)]);
        private readonly ref readonly float _other3 = ref MemoryMarshal.GetReference(rows[Math.Min(first + 3, row)]);
        private readonly ref double _lanes = ref MemoryMarshal.GetReference(lanes);

        public void AddLanes<TLanes, TDouble>(nuint lane, nuint start, nuint end)
            where TLanes : struct, IDoubleLanes<TDouble>
        {
            TDouble sum0 = TLanes.Load(in _lanes, lane);
            TDouble sum1 = TLanes.Load(in _lanes, lane + ReductionLanes);
            TDouble sum2 = TLanes.Load(in _lanes, lane + (2 * ReductionLanes));
            TDouble sum3 = TLanes.Load(in _lanes, lane + (3 * ReductionLanes));
            for (nuint index = start; index < end; index += ReductionLanes)
            {
                TDouble value = TLanes.Load(in _row, index);
                sum0 = TLanes.Add(sum0, TLanes.Multiply(value, TLanes.Load(in _other0, index)));
                sum1 = TLanes.Add(sum1, TLanes.Multiply(value, TLanes.Load(in _other1, index)));
                sum2 = TLanes.Add(sum2, TLanes.Multiply(value, TLanes.Load(in _other2, index)));
                sum3 = TLanes.Add(sum3, TLanes.Multiply(value, TLanes.Load(in _other3, index)));
            }

            TLanes.Store(sum0, ref _lanes, lane);
            TLanes.Store(sum1, ref _lanes, lane + ReductionLanes);
            TLanes.Store(sum2, ref _lanes, lane + (2 * ReductionLanes));
            TLanes.Store(sum3, ref _lanes, lane + (3 * ReductionLanes));
        }
    }
}
