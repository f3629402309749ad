namespace Interfuse.Compute.Cuda;

/// <summary>Memory of the host that the device reaches by itself, so that copies need not wait.</summary>
internal sealed unsafe class PinnedMemory : CudaHandle
{
    /// <summary>Takes memory.</summary>
    /// <param name="context">The context whose device is to reach it.</param>
    /// <param name="byteLength">The size in bytes, at least 1.</param>
    /// <param name="device">The device's name, for the error.</param>
    /// <exception cref="OutOfDeviceMemoryException">The host can't spare so much.</exception>
    /// <exception cref="CudaDriverException">The driver refuses for another reason.</exception>
    public PinnedMemory(CudaContext context, int byteLength, string device)
        : base(context)
    {
        context.MakeCurrent();
        ByteLength = byteLength;
        void* start;
        CUresult status = Driver.cuMemAllocHost_v2(&start, (nuint)byteLength);
        if (status == CUresult.CUDA_ERROR_OUT_OF_MEMORY)
        {
            throw new OutOfDeviceMemoryException(
                $"{device} (pinned memory of the host)",
                byteLength,
                null,
                Driver.Failure(status, nameof(ICudaDriver.cuMemAllocHost_v2)));
        }

        Driver.Check(status, $"{nameof(ICudaDriver.cuMemAllocHost_v2)} of {byteLength} bytes");
        Own((nint)start);
    }

    public byte* Start => (byte*)handle;

    public int ByteLength { get; }

    public Span<byte> Bytes => new(Start, ByteLength);

    protected override CUresult Free() => Driver.cuMemFreeHost(Start);
}
