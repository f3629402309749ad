namespace Interfuse.Compute.Cuda;

/// <summary>
/// The memory of a device, within a budget. What is given back is kept for the next who asks for as much, because the
/// driver's own allocation waits for the whole device.
/// </summary>
/// <remarks>
/// Sizes are rounded up to classes, eight to an octave. Memory that queued work may still use is kept with marks of
/// that work, and given out again when the work has ended, or at once to the stream that does it: its work comes in
/// order. Where the budget or the device is full, the cache is given back to the driver, oldest first, before anyone is
/// refused. Thread-safe.
/// </remarks>
internal sealed unsafe class CudaMemoryPool(CudaContext context, CudaStreams streams, string device, long budget)
{
    private const int SmallestClass = 512;

    private readonly Lock _gate = new();
    private readonly List<(CudaMemory Memory, WorkUnderWay Work)> _cache = [];
    private long _liveBytes;
    private long _cachedBytes;
    private bool _closed;

    /// <summary>The most bytes held of the driver at a time, in use and cached.</summary>
    public long Budget { get; } = budget;

    /// <summary>Bytes in use, as rounded up.</summary>
    public long LiveBytes => Interlocked.Read(ref _liveBytes);

    /// <summary>Bytes held for whoever asks next.</summary>
    public long CachedBytes => Interlocked.Read(ref _cachedBytes);

    /// <summary>What is really taken where so many bytes, at least 1, are asked for.</summary>
    public static long SizeClass(long byteLength)
    {
        if (byteLength <= SmallestClass)
        {
            return SmallestClass;
        }

        long step = 1L << Math.Max((int)long.Log2(byteLength - 1) - 3, 8);
        return checked(byteLength + step - 1) / step * step;
    }

    /// <summary>Takes memory.</summary>
    /// <param name="byteLength">The size in bytes, at least 1.</param>
    /// <param name="user">The only stream that will use it, or null.</param>
    /// <exception cref="OutOfDeviceMemoryException">The budget or the device is full.</exception>
    /// <exception cref="CudaDriverException">The driver refuses for another reason.</exception>
    public CudaMemory Take(long byteLength, CudaStream? user)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closed, typeof(CudaDevice));
            long size = SizeClass(byteLength);
            if (size > Budget - _liveBytes)
            {
                // Rounding up must not be what makes it too much.
                size = byteLength;
            }

            CudaMemory memory = TakeCached(size, user, wait: false)
                ?? (Fits(size) ? CudaMemory.TryAllocate(context, size) : TakeCached(size, user, wait: true))
                ?? AllocateAfterTrimming(byteLength, size);
            _liveBytes += size;
            return memory;
        }
    }

    /// <summary>Takes memory back, even while queued work uses it. Never throws.</summary>
    public void Return(CudaMemory memory)
    {
        WorkUnderWay work = streams.Mark();
        lock (_gate)
        {
            _liveBytes -= memory.ByteLength;
            if (_closed)
            {
                work.WaitAndForget();
                memory.Dispose();
                return;
            }

            _cache.Add((memory, work));
            _cachedBytes += memory.ByteLength;
        }
    }

    /// <summary>
    /// Gives the cache back to the driver; what is still in use follows when it is returned. Never throws.
    /// </summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            Trim(0);
        }
    }

    private bool Fits(long size) => size <= Budget - _liveBytes - _cachedBytes;

    private CudaMemory? TakeCached(long size, CudaStream? user, bool wait)
    {
        int found = _cache.FindLastIndex(
            entry => entry.Memory.ByteLength == size && (wait || entry.Work.HasEndedFor(user)));
        if (found < 0)
        {
            return null;
        }

        (CudaMemory memory, WorkUnderWay work) = _cache[found];
        if (wait)
        {
            work.WaitAndForget();
        }
        else
        {
            work.Forget();
        }

        _cache.RemoveAt(found);
        _cachedBytes -= size;
        return memory;
    }

    // For when the budget or the device was found to be full.
    private CudaMemory AllocateAfterTrimming(long byteLength, long size)
    {
        if (!Fits(size))
        {
            Trim(Budget - _liveBytes - size);
            if (!Fits(size))
            {
                throw new OutOfDeviceMemoryException(device, byteLength, Math.Max(0, Budget - _liveBytes));
            }

            if (CudaMemory.TryAllocate(context, size) is { } memory)
            {
                return memory;
            }
        }

        bool trimmed = _cache.Count > 0;
        Trim(0);
        return (trimmed ? CudaMemory.TryAllocate(context, size) : null)
            ?? throw new OutOfDeviceMemoryException(device, byteLength, FreeBytes());
    }

    // Until the cache holds so many bytes or fewer.
    private void Trim(long most)
    {
        int count = 0;
        while (count < _cache.Count && _cachedBytes > most)
        {
            (CudaMemory memory, WorkUnderWay work) = _cache[count++];
            work.WaitAndForget();
            _cachedBytes -= memory.ByteLength;
            memory.Dispose();
        }

        _cache.RemoveRange(0, count);
    }

    private long? FreeBytes()
    {
        nuint free;
        nuint total;
        return context.Driver.cuMemGetInfo_v2(&free, &total) == CUresult.CUDA_SUCCESS ? (long)free : null;
    }
}
