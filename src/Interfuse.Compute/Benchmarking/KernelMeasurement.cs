namespace Interfuse.Compute.Benchmarking;

/// <summary>How fast an operation runs, beside how fast memory is.</summary>
/// <param name="Operation">The operation's name.</param>
/// <param name="Variant">Which form of it, or on what input.</param>
/// <param name="Elements">Elements per tensor.</param>
/// <param name="Verified">How much of the result was compared with the reference before it was timed.</param>
/// <param name="BytesRead">What a call has to read, see <see cref="KernelCase.BytesRead"/>.</param>
/// <param name="BytesWritten">What a call has to write.</param>
/// <param name="Times">What was measured.</param>
public sealed record KernelMeasurement(
    string Operation,
    string Variant,
    long Elements,
    string Verified,
    long BytesRead,
    long BytesWritten,
    KernelTimes Times)
{
    /// <summary>The bytes a call has to move per second.</summary>
    public double BytesPerSecond => (BytesRead + BytesWritten) / Times.Seconds;

    /// <summary>
    /// A call's time in passes: in times that the bytes it has to move take at the copy's speed. For a selection, which
    /// writes nothing, how often its inputs could have been read meanwhile.
    /// </summary>
    public double Passes => 1 / Times.CopyShare;
}

/// <summary>Medians over rounds in which a copy and an operation took turns.</summary>
/// <param name="Seconds">What a call of the operation takes.</param>
/// <param name="CopySeconds">What a copy on the same device takes that reads and writes as many bytes in all.</param>
/// <param name="CopyShare">The copy's time as a share of the operation's, round by round.</param>
/// <param name="CopyShareMinimum">The lowest share of a round.</param>
/// <param name="CopyShareMaximum">The highest share of a round.</param>
public sealed record KernelTimes(
    double Seconds, double CopySeconds, double CopyShare, double CopyShareMinimum, double CopyShareMaximum);
