namespace Interfuse.Compute.Cuda;

/// <summary>A stream of the driver: work in order, beside that of other streams.</summary>
internal sealed unsafe class CudaStream : CudaHandle
{
    private volatile bool _busy;

    /// <summary>Makes a stream that does not wait for the default one.</summary>
    /// <exception cref="CudaDriverException">The driver refuses.</exception>
    public CudaStream(CudaContext context)
        : base(context)
    {
        context.MakeCurrent();
        CUstream stream;
        Driver.Check(Driver.cuStreamCreate(&stream, CUstream_flags.CU_STREAM_NON_BLOCKING));
        Own(stream.Value);
    }

    /// <summary>Whether work may be under way: some was begun and has not been waited for.</summary>
    public bool Busy => _busy;

    /// <summary>The handle for a call that queues work.</summary>
    public CUstream ForWork()
    {
        _busy = true;
        return new CUstream(handle);
    }

    /// <summary>Waits until everything queued has ended.</summary>
    /// <exception cref="CudaDriverException">Something queued has failed.</exception>
    public void Synchronize()
    {
        Context.MakeCurrent();
        Driver.Check(Driver.cuStreamSynchronize(new CUstream(handle)));
        _busy = false;
    }

    /// <summary><see cref="Synchronize"/> where nothing may be thrown: what failed has ended, too.</summary>
    public void Drain()
    {
        _ = Context.TryMakeCurrent();
        _ = Driver.cuStreamSynchronize(new CUstream(handle));
        _busy = false;
    }

    protected override CUresult Free() => Driver.cuStreamDestroy_v2(new CUstream(handle));
}
