namespace Interfuse.Compute.Cuda;

/// <summary>A mark in a queue: that, and when, the work before it has ended.</summary>
public sealed class CudaEvent : IDisposable
{
    internal CudaEvent(CudaStream stream)
    {
        Handle = new CudaEventHandle(stream.Context, CUevent_flags.CU_EVENT_DEFAULT);
        try
        {
            Handle.Record(stream);
        }
        catch
        {
            Handle.Dispose();
            throw;
        }
    }

    /// <summary>Whether the work before the mark has ended, well or not.</summary>
    public bool HasEnded
    {
        get
        {
            ObjectDisposedException.ThrowIf(Handle.IsClosed, this);
            return Handle.HasEnded;
        }
    }

    internal CudaEventHandle Handle { get; }

    /// <summary>Waits until the work before the mark has ended.</summary>
    /// <exception cref="CudaDriverException">Some of it has failed.</exception>
    public void Synchronize()
    {
        ObjectDisposedException.ThrowIf(Handle.IsClosed, this);
        Handle.Synchronize();
    }

    /// <summary>The device's time from another mark to this one, to about half a microsecond. Waits for both.</summary>
    /// <exception cref="CudaDriverException">Some of the work before the marks has failed.</exception>
    public TimeSpan ElapsedSince(CudaEvent start)
    {
        ArgumentNullException.ThrowIfNull(start);
        start.Synchronize();
        Synchronize();
        return Handle.ElapsedSince(start.Handle);
    }

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();
}
