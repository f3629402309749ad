namespace Interfuse.Server.Engine.Batching;

/// <summary>What a <see cref="BatchLoop"/> is asked to do for somebody.</summary>
/// <param name="turn">Requests of one turn are served in their order; turns alternate.</param>
/// <param name="time">Its time.</param>
/// <param name="release">Is called once, when the loop has done with it.</param>
internal abstract class LoopRequest(string turn, RequestTime time, Action release)
{
    private volatile bool _isTakenBack;
    private Action? _release = release;

    /// <summary>Whose turn it is served in.</summary>
    public string Turn { get; } = turn;

    /// <summary>Its time.</summary>
    public RequestTime Time { get; } = time;

    /// <summary>Whether nobody waits for it any more.</summary>
    public bool IsTakenBack => _isTakenBack;

    /// <summary>The tokens of the prompt that a router goes by; none where no router is asked.</summary>
    public abstract ReadOnlyMemory<int> RoutedTokens { get; }

    /// <summary>Says that nobody waits for it any more; from any thread, at any time. The loop sees it at its next
    /// step.</summary>
    public void TakeBack() => _isTakenBack = true;

    /// <summary>Ends it with an error.</summary>
    public void Fail(Exception fault)
    {
        Tell(fault);
        Release();
    }

    /// <summary>Ends it, where it has been answered or nobody waits for an answer.</summary>
    public void Release() => Interlocked.Exchange(ref _release, null)?.Invoke();

    /// <summary>Tells who waits for it what went wrong.</summary>
    protected abstract void Tell(Exception fault);
}
