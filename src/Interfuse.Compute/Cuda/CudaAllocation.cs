namespace Interfuse.Compute.Cuda;

/// <summary>Device memory on loan from a pool. What is forgotten goes back with the garbage.</summary>
internal sealed class CudaAllocation : IDisposable
{
    private readonly CudaMemoryPool _pool;
    private CudaMemory? _memory;

    /// <summary>Takes memory; none for 0 bytes.</summary>
    /// <exception cref="OutOfDeviceMemoryException">The budget or the device is full.</exception>
    public CudaAllocation(CudaMemoryPool pool, long byteLength, CudaStream? user = null)
    {
        _pool = pool;
        _memory = byteLength == 0 ? null : pool.Take(byteLength, user);
        Address = _memory?.Address.Value ?? 0;
    }

    ~CudaAllocation() => Return();

    /// <summary>Where it begins, a multiple of 256; 0 where there is none.</summary>
    public ulong Address { get; }

    public void Dispose()
    {
        Return();
        GC.SuppressFinalize(this);
    }

    private void Return()
    {
        if (Interlocked.Exchange(ref _memory, null) is { } memory)
        {
            _pool.Return(memory);
        }
    }
}
