namespace Interfuse.Compute.Cuda;

/// <summary>Memory of the device, as the driver gives it out: aligned to 256 bytes at least.</summary>
internal sealed unsafe class CudaMemory : CudaHandle
{
    private CudaMemory(CudaContext context, CUdeviceptr address, long byteLength)
        : base(context)
    {
        ByteLength = byteLength;
        Own((nint)address.Value);
    }

    public CUdeviceptr Address => new((ulong)handle);

    public long ByteLength { get; }

    /// <summary>Takes memory from the driver, or null where the device is full.</summary>
    /// <exception cref="CudaDriverException">The driver refuses for another reason.</exception>
    public static CudaMemory? TryAllocate(CudaContext context, long byteLength)
    {
        context.MakeCurrent();
        CUdeviceptr address;
        CUresult status = context.Driver.cuMemAlloc_v2(&address, (nuint)byteLength);
        if (status == CUresult.CUDA_ERROR_OUT_OF_MEMORY)
        {
            return null;
        }

        context.Driver.Check(status, $"{nameof(ICudaDriver.cuMemAlloc_v2)} of {byteLength} bytes");
        return new CudaMemory(context, address, byteLength);
    }

    protected override CUresult Free() => Driver.cuMemFree_v2(Address);
}
