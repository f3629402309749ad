namespace Interfuse.Compute.Benchmarking;

/// <summary>How long an operation is measured.</summary>
/// <param name="WarmUp">How long it runs before.</param>
/// <param name="Total">How long it is timed, at least, all rounds together.</param>
/// <param name="Rounds">In how many rounds; the median is reported. Each times the copy, then the operation.</param>
public sealed record KernelTiming(TimeSpan WarmUp, TimeSpan Total, int Rounds)
{
    /// <summary>For figures to publish.</summary>
    public static KernelTiming Full { get; } = new(TimeSpan.FromSeconds(0.3), TimeSpan.FromSeconds(0.25), 9);

    /// <summary>For a glance: a tenth of the time, and noisier.</summary>
    public static KernelTiming Quick { get; } = new(TimeSpan.FromSeconds(0.02), TimeSpan.FromSeconds(0.02), 3);
}
