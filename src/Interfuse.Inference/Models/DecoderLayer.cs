namespace Interfuse.Inference.Models;

/// <summary>The weights of one decoder layer.</summary>
internal sealed class DecoderLayer : IDisposable
{
    private readonly List<IDisposable> _parts = [];

    /// <summary>Loads a layer's weights.</summary>
    public DecoderLayer(DecoderLoader loader, DecoderConfig config, int layer)
    {
        int queries = config.QueryHeads * config.HeadLength;
        int keys = config.KeyValueHeads * config.HeadLength;
        string prefix = $"model.layers.{layer}.";
        string attention = prefix + "self_attn.";
        string feedForward = prefix + "mlp.";
        try
        {
            InputNorm = Keep(loader.Vectors(prefix + "input_layernorm.weight", config.HiddenSize));
            Query = Keep(loader.Projection(attention + "q_proj", queries, config.HiddenSize, config.AttentionBias));
            Key = Keep(loader.Projection(attention + "k_proj", keys, config.HiddenSize, config.AttentionBias));
            Value = Keep(loader.Projection(attention + "v_proj", keys, config.HiddenSize, config.AttentionBias));
            Output = Keep(loader.Projection(attention + "o_proj", config.HiddenSize, queries, config.OutputBias));
            if (config.HeadNorms)
            {
                QueryNorm = Keep(loader.Vectors(attention + "q_norm.weight", config.HeadLength));
                KeyNorm = Keep(loader.Vectors(attention + "k_norm.weight", config.HeadLength));
            }

            OutputNorm = Keep(loader.Vectors(prefix + "post_attention_layernorm.weight", config.HiddenSize));
            Gate = Keep(loader.Projection(
                feedForward + "gate_proj", config.FeedForwardSize, config.HiddenSize, config.FeedForwardBias));
            Up = Keep(loader.Projection(
                feedForward + "up_proj", config.FeedForwardSize, config.HiddenSize, config.FeedForwardBias));
            Down = Keep(loader.Projection(
                feedForward + "down_proj", config.HiddenSize, config.FeedForwardSize, config.FeedForwardBias));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The norm before attention.</summary>
    public ExpertVectors InputNorm { get; }

    /// <summary>Queries, [H * d, hidden].</summary>
    public Projection Query { get; }

    /// <summary>Keys, [G * d, hidden].</summary>
    public Projection Key { get; }

    /// <summary>Values, [G * d, hidden].</summary>
    public Projection Value { get; }

    /// <summary>The norm of each query head, or null.</summary>
    public ExpertVectors? QueryNorm { get; }

    /// <summary>The norm of each key head, or null.</summary>
    public ExpertVectors? KeyNorm { get; }

    /// <summary>Attention's output, [hidden, H * d].</summary>
    public Projection Output { get; }

    /// <summary>The norm before the feed-forward layer.</summary>
    public ExpertVectors OutputNorm { get; }

    /// <summary>[feed-forward, hidden].</summary>
    public Projection Gate { get; }

    /// <summary>[feed-forward, hidden].</summary>
    public Projection Up { get; }

    /// <summary>[hidden, feed-forward].</summary>
    public Projection Down { get; }

    public void Dispose() => _parts.ForEach(part => part.Dispose());

    private T Keep<T>(T part)
        where T : IDisposable
    {
        _parts.Add(part);
        return part;
    }
}
