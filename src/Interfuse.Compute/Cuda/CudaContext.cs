using System.Runtime.InteropServices;

namespace Interfuse.Compute.Cuda;

/// <summary>A device's primary context, held until the last object in it is gone.</summary>
/// <remarks>
/// Everything that lives in a context (<see cref="CudaHandle"/>) counts as a holder, so the driver sees objects go
/// before their context, in whatever order their owners dispose of them.
/// </remarks>
internal sealed unsafe class CudaContext : SafeHandle
{
    private readonly CUdevice _device;

    /// <summary>Retains the primary context of a device.</summary>
    /// <exception cref="CudaDriverException">The driver refuses.</exception>
    public CudaContext(ICudaDriver driver, CUdevice device)
        : base(0, ownsHandle: true)
    {
        Driver = driver;
        _device = device;
        CUcontext context;
        driver.Check(driver.cuDevicePrimaryCtxRetain(&context, device));
        SetHandle(context.Value);
    }

    public ICudaDriver Driver { get; }

    public override bool IsInvalid => handle == 0;

    /// <summary>
    /// Makes this context the calling thread's. Every piece of work begins with it: threads come and go, and other
    /// libraries in the process may have contexts of their own.
    /// </summary>
    /// <exception cref="CudaDriverException">The driver refuses.</exception>
    public void MakeCurrent() => Driver.Check(TryMakeCurrent(), nameof(ICudaDriver.cuCtxSetCurrent));

    /// <summary><see cref="MakeCurrent"/> where nothing may be thrown.</summary>
    public CUresult TryMakeCurrent() => Driver.cuCtxSetCurrent(new CUcontext(handle));

    protected override bool ReleaseHandle() => Driver.cuDevicePrimaryCtxRelease_v2(_device) == CUresult.CUDA_SUCCESS;
}
