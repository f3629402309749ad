namespace Interfuse.Compute.Cuda;

/// <summary>Work of some streams that had begun at a certain moment, and may have ended since.</summary>
internal sealed class WorkUnderWay(List<(CudaStream Stream, CudaEventHandle Mark)>? marks)
{
    /// <summary>
    /// Whether a stream may now use the memory this work used: its own work comes before what follows.
    /// </summary>
    /// <param name="user">The stream, or null for any.</param>
    public bool HasEndedFor(CudaStream? user)
    {
        marks?.RemoveAll(static entry => ForgetIfEnded(entry.Mark));
        return marks is null || marks.TrueForAll(entry => entry.Stream == user);
    }

    /// <summary>Waits until it has ended, well or not, and gives the marks back. Never throws.</summary>
    public void WaitAndForget()
    {
        foreach ((CudaStream _, CudaEventHandle mark) in marks ?? [])
        {
            mark.Drain();
        }

        Forget();
    }

    /// <summary>Gives the marks back without waiting, for a user who need not.</summary>
    public void Forget()
    {
        foreach ((CudaStream _, CudaEventHandle mark) in marks ?? [])
        {
            mark.Dispose();
        }

        marks?.Clear();
    }

    private static bool ForgetIfEnded(CudaEventHandle mark)
    {
        bool ended = mark.HasEnded;
        if (ended)
        {
            mark.Dispose();
        }

        return ended;
    }
}
