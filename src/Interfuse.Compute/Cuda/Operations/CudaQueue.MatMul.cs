namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    /// <inheritdoc/>
    protected override void MatMulCore(in GroupedBank bank, int expert, DeviceSpan x, DeviceSpan y)
    {
        bool aligned = bank.Columns % WholeStep == 0 && IsAligned(bank.Rows) && IsAligned(x);
        LaunchMatMul(new MatMulArguments(
            Address(bank.Rows),
            Address(bank.Index) + (ulong)(expert * bank.Channels * sizeof(int)),
            Address(x),
            Address(y),
            bank.Channels,
            bank.Columns,
            x.Length / bank.Columns,
            bank.Channels,
            Code(bank.Rows.DType),
            aligned ? 1 : 0));
    }

    private void LaunchMatMul(in MatMulArguments arguments)
    {
        // The largest tiles go through memory least, if there are enough of them.
        (long channels, long vectors) = (arguments.Channels, arguments.Vectors);
        long Tiles(int rows, int width) => Quotient(channels, rows) * Quotient(vectors, width);
        (string kernel, long tiles, int threads) =
            vectors <= 16 ? ("interfuse_matmul_16", Tiles(32, 16), 128)
            : Tiles(128, 128) < Multiprocessors ? ("interfuse_matmul_64", Tiles(64, 64), 128)
            : ("interfuse_matmul_128", Tiles(128, 128), 256);
        Launch(kernel, tiles, threads, arguments);
    }
}
