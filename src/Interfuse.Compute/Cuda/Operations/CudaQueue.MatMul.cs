namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    /// <inheritdoc/>
    protected override void MatMulCore(in GroupedBank bank, int expert, DeviceSpan x, DeviceSpan y)
    {
        long vectors = x.Length / bank.Columns;
        bool aligned = bank.Columns % WholeStep == 0 && IsAligned(bank.Rows) && IsAligned(x);
        var arguments = new MatMulArguments(
            Address(bank.Rows),
            Address(bank.Index) + (ulong)(expert * bank.Channels * sizeof(int)),
            Address(x),
            Address(y),
            bank.Channels,
            bank.Columns,
            vectors,
            Code(bank.Rows.DType),
            aligned ? 1 : 0);

        // The largest tiles go through memory least, if there are enough of them.
        long Tiles(int rows, int width) => Quotient(arguments.Channels, rows) * Quotient(vectors, width);
        (string kernel, long tiles, int threads) =
            vectors <= 16 ? ("interfuse_matmul_16", Tiles(32, 16), 128)
            : Tiles(128, 128) < Multiprocessors ? ("interfuse_matmul_64", Tiles(64, 64), 128)
            : ("interfuse_matmul_128", Tiles(128, 128), 256);
        Launch(kernel, tiles, threads, arguments);
    }
}
