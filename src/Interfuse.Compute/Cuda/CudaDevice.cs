namespace Interfuse.Compute.Cuda;

/// <summary>A CUDA device, reached through the driver API.</summary>
/// <remarks>
/// Buffers, queues and events may outlive it: what belongs to the driver is given back when the last of them is gone,
/// in the driver's order.
/// </remarks>
public sealed class CudaDevice : Device
{
    private readonly CudaContext _context;
    private readonly CudaModule _module;
    private readonly CudaStreams _streams = new();
    private readonly CudaMemoryPool _pool;
    private bool _disposed;

    internal CudaDevice(ICudaDriver driver, CudaDeviceOptions options)
    {
        CudaSystem system = CudaSystem.Find(driver, options.Ordinal);
        KernelImage image = KernelImage.Find(options.KernelImage);
        Name = system.Name;
        Multiprocessors = system.Multiprocessors;
        _context = new CudaContext(driver, system.Device);
        try
        {
            _module = Load(_context, image);
            _pool = new CudaMemoryPool(_context, _streams, Name, options.MemoryBudget ?? DefaultBudget(_context));
        }
        catch
        {
            _module?.Dispose();
            _context.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int MaxExperts => PerExpert<ulong>.Length;

    /// <inheritdoc/>
    public override int TilesPerStep => 16;

    /// <summary>The most device memory this object holds at a time, in bytes.</summary>
    public long MemoryBudget => _pool.Budget;

    /// <summary>Device memory in use, in bytes, as rounded up to the allocator's sizes.</summary>
    public long LiveBytes => _pool.LiveBytes;

    /// <summary>Device memory kept for whoever asks next, in bytes.</summary>
    public long CachedBytes => _pool.CachedBytes;

    internal int Multiprocessors { get; }

    internal CudaContext Context => _context;

    internal CudaModule Module => _module;

    internal CudaStreams Streams => _streams;

    internal CudaMemoryPool Pool => _pool;

    /// <summary>Opens a device.</summary>
    /// <exception cref="DeviceUnavailableException">
    /// There is no driver, no such device, it is too old, or there are no kernels for it.
    /// </exception>
    /// <exception cref="CudaDriverException">The driver fails in another way.</exception>
    public static CudaDevice Open(CudaDeviceOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Ordinal, nameof(options));
        if (options.MemoryBudget is { } budget)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(budget, nameof(options));
        }

        try
        {
            return new CudaDevice(NvCuda.Load(options.DriverLibrary), options);
        }
        catch (Exception e) when (e is DllNotFoundException or InvalidOperationException)
        {
            throw new DeviceUnavailableException("cuda", e.Message, e);
        }
        catch (EntryPointNotFoundException e)
        {
            throw new DeviceUnavailableException("cuda", $"the driver is too old: {e.Message}; update it", e);
        }
    }

    /// <inheritdoc/>
    public override DeviceBuffer Allocate(long byteLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteLength);
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new CudaBuffer(_pool, byteLength);
    }

    /// <inheritdoc/>
    public override TransferBuffer AllocateTransfer(int byteLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteLength);
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new CudaTransferBuffer(_pool, _context, _streams, byteLength, Name);
    }

    /// <inheritdoc/>
    public override DeviceQueue CreateQueue()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new CudaQueue(this);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!_disposed)
        {
            _disposed = true;
            _pool.Close();
            _module.Dispose();
            _context.Dispose();
        }

        base.Dispose(disposing);
    }

    private static CudaModule Load(CudaContext context, KernelImage image)
    {
        try
        {
            return new CudaModule(context, image.Bytes);
        }
        catch (CudaDriverException e)
        {
            throw new DeviceUnavailableException(
                "cuda", $"the kernels of {image.Source} can't be loaded: {e.Message}", e);
        }
    }

    private static unsafe long DefaultBudget(CudaContext context)
    {
        context.MakeCurrent();
        nuint free;
        nuint total;
        context.Driver.Check(context.Driver.cuMemGetInfo_v2(&free, &total));
        return (long)(free / 10 * 9);
    }
}
