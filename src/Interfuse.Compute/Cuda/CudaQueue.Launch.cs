namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    private const int MaxThreads = 1024;

    // Queues a kernel over a one-dimensional grid. The struct is its one parameter and mirrors the one in the kernel's
    // source; it is copied before this returns. No blocks is no work.
    internal unsafe void Launch<TArguments>(
        string kernel, long blocks, int threads, in TArguments arguments, int sharedBytes = 0)
        where TArguments : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(blocks);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(blocks, int.MaxValue);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, MaxThreads);
        ArgumentOutOfRangeException.ThrowIfNegative(sharedBytes);
        Begin();
        if (blocks == 0)
        {
            return;
        }

        fixed (TArguments* first = &arguments)
        {
            _module.Kernel(kernel).Launch(
                (uint)blocks, (uint)threads, sharedBytes, first, sizeof(TArguments), _stream.ForWork());
        }
    }
}
