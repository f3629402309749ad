namespace Interfuse.Server.Engine.Batching;

/// <summary>A prompt whose features are wanted.</summary>
/// <param name="tokens">Its tokens.</param>
/// <param name="time">Its time.</param>
/// <param name="release">Is called once, when the loop has done with it.</param>
internal sealed class FeatureRequest(ReadOnlyMemory<int> tokens, RequestTime time, Action release)
    : LoopRequest("features", time, release)
{
    private readonly TaskCompletionSource<float[]> _features = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The features.</summary>
    public Task<float[]> Features => _features.Task;

    public override ReadOnlyMemory<int> RoutedTokens => tokens;

    /// <summary>Ends it with its features.</summary>
    public void Answer(float[] features)
    {
        _features.SetResult(features);
        Release();
    }

    protected override void Tell(Exception fault) => _features.TrySetException(fault);
}
