using System.Globalization;
using Interfuse.Experts.Encoders;
using Interfuse.Merging.Execution;

namespace Interfuse.Cli;

/// <summary>How far a merge is, in figures for people.</summary>
/// <param name="BytesDone">Output bytes that are written, by this run or an interrupted one before it.</param>
/// <param name="BytesTotal">Output bytes in all.</param>
/// <param name="BytesResumed">Those of <paramref name="BytesDone"/> that this run found done.</param>
/// <param name="BytesMoved">Bytes this run has read and written.</param>
/// <param name="TensorsDone">Tensors that are complete.</param>
/// <param name="TensorsTotal">Tensors in all.</param>
/// <param name="Elapsed">The time since this run began.</param>
internal readonly record struct MergeStatus(
    long BytesDone, long BytesTotal, long BytesResumed, long BytesMoved,
    int TensorsDone, int TensorsTotal, TimeSpan Elapsed)
{
    public static MergeStatus Of(MergeProgress progress, long bytesTotal, int tensorsTotal, TimeSpan elapsed) => new(
        progress.BytesWritten + progress.BytesResumed,
        bytesTotal,
        progress.BytesResumed,
        progress.BytesRead + progress.BytesWritten,
        progress.TensorsDone,
        tensorsTotal,
        elapsed);

    /// <summary>How far a pack is: its models are read twice.</summary>
    public static MergeStatus OfPack(MergeProgress progress, PackPlan plan, TimeSpan elapsed) => new(
        progress.BytesRead,
        2 * plan.InputBytes,
        0,
        progress.BytesRead + progress.BytesWritten,
        progress.TensorsDone,
        plan.TensorCount,
        elapsed);

    /// <summary>
    /// The time that the rest takes at the pace so far; null while too little is done to tell: the first tensor's
    /// passes over its inputs come before its first output byte.
    /// </summary>
    public TimeSpan? Left
    {
        get
        {
            long written = BytesDone - BytesResumed;
            return written < (BytesTotal - BytesResumed) / 50 || written == 0
                ? null
                : Elapsed * ((double)(BytesTotal - BytesDone) / written);
        }
    }

    public string ToText()
    {
        double percent = BytesTotal == 0 ? 100 : Math.Floor(100.0 * BytesDone / BytesTotal);
        double rate = BytesMoved / Math.Max(Elapsed.TotalSeconds, 1e-3);
        string left = TensorsDone == TensorsTotal ? "flushing to disk" : Left is { } time ? $"{Clock(time)} left" : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{percent,3} %  {TensorsDone}/{TensorsTotal} tensors  {Sizes.Format(rate)}/s  {left}").TrimEnd();
    }

    // Hours may have any number of digits, which TimeSpan's own formats don't offer.
    private static string Clock(TimeSpan time)
    {
        long seconds = (long)Math.Ceiling(time.TotalSeconds);
        return $"{seconds / 3600}:{seconds / 60 % 60:00}:{seconds % 60:00}";
    }
}
