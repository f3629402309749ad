using System.Runtime.InteropServices;

namespace Interfuse.Compute.Cuda;

public sealed unsafe partial class CudaQueue
{
    /// <inheritdoc/>
    protected override void UploadCore(ReadOnlySpan<byte> source, DeviceSpan destination)
    {
        Write(Address(destination), source);
        _stream.Synchronize();
    }

    /// <inheritdoc/>
    protected override void DownloadCore(DeviceSpan source, Span<byte> destination) =>
        Read(Address(source), destination);

    /// <inheritdoc/>
    protected override void UploadCore(TransferBuffer buffer, int byteLength)
    {
        CudaTransferBuffer transfer = Mine(buffer);
        Begin();
        if (byteLength > 0)
        {
            Driver.Check(Driver.cuMemcpyHtoDAsync_v2(
                new CUdeviceptr(transfer.Address), transfer.HostStart, (nuint)byteLength, _stream.ForWork()));
        }
    }

    /// <inheritdoc/>
    protected override void DownloadCore(TransferBuffer buffer, int byteLength)
    {
        CudaTransferBuffer transfer = Mine(buffer);
        Begin();
        if (byteLength > 0)
        {
            Driver.Check(Driver.cuMemcpyDtoHAsync_v2(
                transfer.HostStart, new CUdeviceptr(transfer.Address), (nuint)byteLength, _stream.ForWork()));
        }
    }

    /// <inheritdoc/>
    protected override void CopyCore(DeviceSpan source, DeviceSpan destination)
    {
        var from = new CUdeviceptr(Address(source));
        var to = new CUdeviceptr(Address(destination));
        Begin();
        if (source.ByteLength > 0)
        {
            Driver.Check(Driver.cuMemcpyDtoDAsync_v2(to, from, (nuint)source.ByteLength, _stream.ForWork()));
        }
    }

    private static CudaTransferBuffer Mine(TransferBuffer buffer) => buffer as CudaTransferBuffer
        ?? throw new ArgumentException("The transfer buffer is not a CUDA device's.", nameof(buffer));

    // Queues the filling of device memory with zeros.
    private void Clear(ulong address, long byteLength)
    {
        Begin();
        if (byteLength > 0)
        {
            Driver.Check(Driver.cuMemsetD8Async(new CUdeviceptr(address), 0, (nuint)byteLength, _stream.ForWork()));
        }
    }

    // Host to device. The values are copied aside before this returns, the copy to the device is queued.
    private void Write<T>(ulong address, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        Begin();
        _staging.Write(address, MemoryMarshal.AsBytes(values));
    }

    // Device to host. Waits for the bytes, and so for everything queued before.
    private void Read<T>(ulong address, Span<T> destination)
        where T : unmanaged
    {
        Begin();
        _staging.Read(address, MemoryMarshal.AsBytes(destination));
    }
}
