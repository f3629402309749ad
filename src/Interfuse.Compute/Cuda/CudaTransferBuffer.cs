namespace Interfuse.Compute.Cuda;

/// <summary>Memory of a CUDA device with a twin in pinned memory of the host.</summary>
internal sealed unsafe class CudaTransferBuffer : TransferBuffer, ICudaBuffer
{
    private readonly CudaStreams _streams;
    private readonly PinnedMemory? _host;
    private readonly CudaAllocation? _device;
    private bool _disposed;

    public CudaTransferBuffer(
        CudaMemoryPool pool, CudaContext context, CudaStreams streams, int byteLength, string device)
        : base(byteLength)
    {
        _streams = streams;
        _device = new CudaAllocation(pool, byteLength);
        try
        {
            _host = byteLength == 0 ? null : new PinnedMemory(context, byteLength, device);
        }
        catch
        {
            _device.Dispose();
            throw;
        }
    }

    // Before the handles' own finalizers, which would give the host's side back while a copy is under way.
    ~CudaTransferBuffer() => Dispose(disposing: false);

    public override Span<byte> Host
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(TransferBuffer));
            return _host is null ? [] : _host.Bytes;
        }
    }

    public ulong Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(TransferBuffer));
            return _device!.Address;
        }
    }

    /// <summary>The host's side; null for an empty buffer.</summary>
    public byte* HostStart
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(TransferBuffer));
            return _host is null ? null : _host.Start;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (!_disposed)
        {
            _disposed = true;
            // A copy that is still under way, after an error elsewhere, must not end in memory that is no longer ours.
            _streams.Drain();
            _host?.Dispose();
            // Null where there was no room and the constructor did not end.
            _device?.Dispose();
        }
    }
}
