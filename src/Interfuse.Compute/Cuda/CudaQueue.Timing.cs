namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    /// <inheritdoc/>
    public override TimeSpan Measure(Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        Synchronize();
        using CudaEvent begin = Record();
        work();
        using CudaEvent end = Record();
        return end.ElapsedSince(begin);
    }
}
