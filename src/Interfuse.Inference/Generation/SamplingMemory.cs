namespace Interfuse.Inference.Generation;

/// <summary>What choosing a token needs besides its logits; one serves any number of samplers, one after the other.</summary>
internal sealed class SamplingMemory
{
    private float[] _logits = [];
    private float[] _weights = [];

    public LikeliestTokens Likeliest { get; } = new();

    /// <summary>Room for logits that differ from the model's.</summary>
    public Span<float> Logits(int count) => Reserve(ref _logits, count);

    /// <summary>Room for weights.</summary>
    public Span<float> Weights(int count) => Reserve(ref _weights, count);

    private static Span<float> Reserve(ref float[] kept, int count)
    {
        if (kept.Length < count)
        {
            kept = GC.AllocateUninitializedArray<float>(count);
        }

        return kept.AsSpan(0, count);
    }
}
