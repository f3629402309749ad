using System.Runtime.InteropServices;

namespace Interfuse.Compute.Cuda;

/// <summary>An object of the driver that lives in a context and keeps it alive.</summary>
internal abstract class CudaHandle : SafeHandle
{
    private readonly CudaContext _context;

    /// <summary>Prepares to own an object; <see cref="Own"/> takes it over.</summary>
    protected CudaHandle(CudaContext context)
        : base(0, ownsHandle: true)
    {
        _context = context;
    }

    public CudaContext Context => _context;

    public override bool IsInvalid => handle == 0;

    protected ICudaDriver Driver => _context.Driver;

    /// <summary>Takes over an object the driver has just made in the context.</summary>
    protected void Own(nint value)
    {
        bool added = false;
        _context.DangerousAddRef(ref added);
        SetHandle(value);
    }

    /// <summary>Gives the object back to the driver; never throws.</summary>
    protected abstract CUresult Free();

    protected sealed override bool ReleaseHandle()
    {
        // A context that can't be made current is lost, and the objects in it with it; the driver is told all the same.
        _ = _context.TryMakeCurrent();
        CUresult status = Free();
        _context.DangerousRelease();
        return status == CUresult.CUDA_SUCCESS;
    }
}
