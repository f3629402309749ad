using System.Collections.Immutable;
using Interfuse.Checkpoints;

namespace Interfuse.Inference.Models;

/// <summary>The shape of a decoder-only model, as its <c>config.json</c> has it.</summary>
public sealed record DecoderConfig
{
    /// <summary>The architecture's name, for example <c>LlamaForCausalLM</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>The rows of the embedding, and so the number of token ids.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>The elements of a token's vector between layers.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>The elements between the two products of a feed-forward layer.</summary>
    public required int FeedForwardSize { get; init; }

    /// <summary>The decoder layers.</summary>
    public required int LayerCount { get; init; }

    /// <summary>H, the query heads.</summary>
    public required int QueryHeads { get; init; }

    /// <summary>G, the key-value heads, each of which serves H / G query heads.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>d, the elements of a head, a multiple of 2.</summary>
    public required int HeadLength { get; init; }

    /// <summary>What is added under the root of a norm.</summary>
    public required float NormEpsilon { get; init; }

    /// <summary>Whether queries, keys and values have a bias.</summary>
    public required bool AttentionBias { get; init; }

    /// <summary>Whether the attention's output has one.</summary>
    public required bool OutputBias { get; init; }

    /// <summary>Whether the feed-forward layer's products have.</summary>
    public required bool FeedForwardBias { get; init; }

    /// <summary>Whether each head of queries and keys is normed before it is rotated.</summary>
    public required bool HeadNorms { get; init; }

    /// <summary>Whether the output head is the embedding.</summary>
    public required bool TiedHead { get; init; }

    /// <summary>How positions are rotated.</summary>
    public required RopeSettings Rope { get; init; }

    /// <summary>For each layer how many positions a token sees, its own included;
    /// <see cref="int.MaxValue"/> for all.</summary>
    public required ImmutableArray<int> Windows { get; init; }

    /// <summary>The longest sequence the model is made for, in tokens.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Reads what a model's <c>config.json</c> says of its decoder.</summary>
    /// <param name="config">The file.</param>
    /// <param name="path">Its path, for messages.</param>
    /// <exception cref="CheckpointFormatException">The architecture is none that is supported, or a setting is missing,
    /// wrong or not supported.</exception>
    public static DecoderConfig Read(ModelConfig config, string path)
    {
        ArgumentNullException.ThrowIfNull(config);
        return new DecoderConfigReader(config, path).Read();
    }
}
