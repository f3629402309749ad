namespace Interfuse.Cli;

/// <summary>How far evaluations are that follow each other, each of which tells its own samples.</summary>
/// <param name="total">The samples of all of them.</param>
internal sealed class SampleProgress(int total) : IProgress<int>
{
    private int _before;
    private int _done;

    /// <summary>What a sample is called.</summary>
    public string Unit { get; init; } = "sample";

    /// <summary>Takes how many samples of the evaluation under way are done.</summary>
    public void Report(int value) => Volatile.Write(ref _done, _before + value);

    /// <summary>An evaluation of some samples is over.</summary>
    public void Complete(int samples)
    {
        _before += samples;
        Report(0);
    }

    /// <summary>The figures to show.</summary>
    /// <param name="elapsed">The time since the first evaluation began.</param>
    public WorkStatus Status(TimeSpan elapsed)
    {
        int done = Volatile.Read(ref _done);
        return new WorkStatus(done, total, done, elapsed) { Unit = Unit };
    }
}
