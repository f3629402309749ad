namespace Interfuse.Compute.Cuda;

/// <summary>An event of the driver.</summary>
internal sealed unsafe class CudaEventHandle : CudaHandle
{
    /// <summary>Makes an event that nothing has recorded yet.</summary>
    /// <exception cref="CudaDriverException">The driver refuses.</exception>
    public CudaEventHandle(CudaContext context, CUevent_flags flags)
        : base(context)
    {
        context.MakeCurrent();
        CUevent value;
        Driver.Check(Driver.cuEventCreate(&value, flags));
        Own(value.Value);
    }

    public CUevent Value => new(handle);

    /// <summary>Whether the work before the mark has ended, well or not.</summary>
    public bool HasEnded
    {
        get
        {
            _ = Context.TryMakeCurrent();
            return Driver.cuEventQuery(Value) != CUresult.CUDA_ERROR_NOT_READY;
        }
    }

    public void Record(CudaStream stream)
    {
        Context.MakeCurrent();
        Driver.Check(Driver.cuEventRecord(Value, stream.ForWork()));
    }

    public void Synchronize()
    {
        Context.MakeCurrent();
        Driver.Check(Driver.cuEventSynchronize(Value));
    }

    /// <summary><see cref="Synchronize"/> where nothing may be thrown: what failed has ended, too.</summary>
    public void Drain()
    {
        _ = Context.TryMakeCurrent();
        _ = Driver.cuEventSynchronize(Value);
    }

    public TimeSpan ElapsedSince(CudaEventHandle start)
    {
        Context.MakeCurrent();
        float milliseconds;
        Driver.Check(Driver.cuEventElapsedTime(&milliseconds, start.Value, Value));
        return TimeSpan.FromMilliseconds(milliseconds);
    }

    protected override CUresult Free() => Driver.cuEventDestroy_v2(Value);
}
