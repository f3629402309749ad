using System.Globalization;
using Interfuse.Merging.Execution;

namespace Interfuse.Cli;

/// <summary>How far a piece of work is, in figures for people.</summary>
/// <param name="Done">Bytes that are done, by this run or an interrupted one before it; or what <see cref="Unit"/> says.</param>
/// <param name="Total">Bytes in all.</param>
/// <param name="Moved">Bytes this run has read and written.</param>
/// <param name="Elapsed">The time since this run began.</param>
internal readonly record struct WorkStatus(long Done, long Total, long Moved, TimeSpan Elapsed)
{
    /// <summary>What is counted in the place of bytes, one of it: <c>sample</c>.</summary>
    public string? Unit { get; init; }

    /// <summary>Those of <see cref="Done"/> that this run found done.</summary>
    public long BytesResumed { get; init; }

    /// <summary>Tensors that are complete, and tensors in all; null where nobody counts them.</summary>
    public (int Done, int Total)? Tensors { get; init; }

    /// <summary>What is done at the end, when no time left can be told; null until then.</summary>
    public string? AtEnd { get; init; }

    /// <summary>What to say of work that is counted in other things than bytes; null for bytes.</summary>
    public string? Said { get; init; }

    /// <summary>How far a merge of tensors is, whichever of its bytes tell.</summary>
    public static WorkStatus OfTensors(
        MergeProgress progress, long bytesDone, long bytesTotal, int tensors, TimeSpan elapsed) =>
        new(bytesDone, bytesTotal, progress.BytesRead + progress.BytesWritten, elapsed)
        {
            Tensors = (progress.TensorsDone, tensors),
            AtEnd = progress.TensorsDone == tensors ? "flushing to disk" : null,
        };

    /// <summary>
    /// The time that the rest takes at the pace so far; null while too little is done to tell: the first tensor's
    /// passes over its inputs come before its first output byte.
    /// </summary>
    public TimeSpan? Left
    {
        get
        {
            long written = Done - BytesResumed;
            return written < (Total - BytesResumed) / 50 || written == 0
                ? null
                : Elapsed * ((double)(Total - Done) / written);
        }
    }

    public string ToText()
    {
        string left = AtEnd ?? (Left is { } time ? $"{Clock(time)} left" : "");
        if (Said is { } said)
        {
            return $"{said}  {left}".TrimEnd();
        }

        double percent = Total == 0 ? 100 : Math.Floor(100.0 * Done / Total);
        double rate = Moved / Math.Max(Elapsed.TotalSeconds, 1e-3);
        string counted = (Unit, Tensors) switch
        {
            (not null, _) => $"{Done}/{Total} {Unit}s  ",
            (null, { } count) => $"{count.Done}/{count.Total} tensors  ",
            _ => "",
        };
        string pace = Unit is null ? Sizes.Format(rate) : rate.ToString("0.0", CultureInfo.InvariantCulture);
        return string.Create(
            CultureInfo.InvariantCulture, $"{percent,3} %  {counted}{pace}/s  {left}").TrimEnd();
    }

    // Hours may have any number of digits, which TimeSpan's own formats don't offer.
    private static string Clock(TimeSpan time)
    {
        long seconds = (long)Math.Ceiling(time.TotalSeconds);
        return $"{seconds / 3600}:{seconds / 60 % 60:00}:{seconds % 60:00}";
    }
}
