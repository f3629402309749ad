namespace Interfuse.Cli;

/// <summary>How far work is that tells its bytes, from any thread, and nothing else.</summary>
internal sealed class ByteProgress : IProgress<long>
{
    private long _bytes;

    /// <summary>The most bytes that were told.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Takes a figure; of two threads the one that was behind may well come last.</summary>
    public void Report(long value)
    {
        for (long seen = Bytes; value > seen; seen = Bytes)
        {
            Interlocked.CompareExchange(ref _bytes, value, seen);
        }
    }

    /// <summary>The figures to show.</summary>
    /// <param name="total">The bytes in all.</param>
    /// <param name="bytesMoved">How many bytes are read and written for each that is told.</param>
    /// <param name="atEnd">What the work does when all bytes are through.</param>
    /// <param name="elapsed">The time since the work began.</param>
    public WorkStatus Status(long total, int bytesMoved, string atEnd, TimeSpan elapsed)
    {
        long done = Bytes;
        return new WorkStatus(done, total, done * bytesMoved, elapsed) { AtEnd = done >= total ? atEnd : null };
    }
}
