namespace Interfuse.Server.Engine.Batching;

/// <summary>When a request came, and when its time is over.</summary>
/// <param name="clock">The clock.</param>
/// <param name="most">The time it has.</param>
internal sealed class RequestTime(TimeProvider clock, TimeSpan most)
{
    private readonly long _begin = clock.GetTimestamp();

    /// <summary>The time since it came.</summary>
    public TimeSpan Elapsed => clock.GetElapsedTime(_begin);

    /// <summary>Whether its time is over.</summary>
    public bool IsOver => Elapsed >= most;
}
