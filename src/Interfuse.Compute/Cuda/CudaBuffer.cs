namespace Interfuse.Compute.Cuda;

/// <summary>Memory of a CUDA device.</summary>
internal sealed class CudaBuffer(CudaMemoryPool pool, long byteLength) : DeviceBuffer(byteLength), ICudaBuffer
{
    private readonly CudaAllocation _allocation = new(pool, byteLength);
    private bool _disposed;

    public ulong Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(DeviceBuffer));
            return _allocation.Address;
        }
    }

    protected override void Dispose(bool disposing)
    {
        _disposed = true;
        _allocation.Dispose();
    }
}
