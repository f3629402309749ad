namespace Interfuse.Merging.Execution;

/// <summary>How far a merge is; written by its threads, read by whoever shows it.</summary>
public sealed class MergeProgress
{
    private long _bytesRead;
    private long _bytesWritten;
    private int _tensorsDone;

    /// <summary>Bytes of tensors read so far, passes for statistics included.</summary>
    public long BytesRead => Volatile.Read(ref _bytesRead);

    /// <summary>Bytes of tensors written so far.</summary>
    public long BytesWritten => Volatile.Read(ref _bytesWritten);

    /// <summary>Output tensors that are complete.</summary>
    public int TensorsDone => Volatile.Read(ref _tensorsDone);

    /// <summary>Bytes that an earlier, interrupted run had written and that were kept.</summary>
    public long BytesResumed { get; internal set; }

    internal void Read(long bytes) => Interlocked.Add(ref _bytesRead, bytes);

    internal void Wrote(long bytes) => Interlocked.Add(ref _bytesWritten, bytes);

    internal void TensorDone() => Interlocked.Increment(ref _tensorsDone);
}
