namespace Interfuse.Compute.Cuda;

/// <summary>The streams of a device, asked when memory is given back: is there work that may still use it?</summary>
internal sealed class CudaStreams
{
    private readonly Lock _gate = new();
    private readonly List<CudaStream> _streams = [];

    public void Add(CudaStream stream)
    {
        lock (_gate)
        {
            _streams.Add(stream);
        }
    }

    public void Remove(CudaStream stream)
    {
        lock (_gate)
        {
            _streams.Remove(stream);
        }
    }

    /// <summary>
    /// Marks the work now under way. Where the driver can't mark it, waits for it instead. Never throws.
    /// </summary>
    public WorkUnderWay Mark()
    {
        List<(CudaStream, CudaEventHandle)>? marks = null;
        lock (_gate)
        {
            foreach (CudaStream stream in _streams)
            {
                if (stream.Busy && TryMark(stream) is { } mark)
                {
                    (marks ??= []).Add((stream, mark));
                }
            }
        }

        return new WorkUnderWay(marks);
    }

    /// <summary>Waits for all the work now under way. Never throws.</summary>
    public void Drain() => Mark().WaitAndForget();

    private static CudaEventHandle? TryMark(CudaStream stream)
    {
        CudaEventHandle? mark = null;
        try
        {
            mark = new CudaEventHandle(stream.Context, CUevent_flags.CU_EVENT_DISABLE_TIMING);
            mark.Record(stream);
            return mark;
        }
        catch (CudaDriverException)
        {
            mark?.Dispose();
            stream.Drain();
            return null;
        }
    }
}
