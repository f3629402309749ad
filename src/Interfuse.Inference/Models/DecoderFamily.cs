namespace Interfuse.Inference.Models;

/// <summary>A family of decoder-only models: what its <c>config.json</c> leaves unsaid.</summary>
/// <remarks>
/// All are pre-norm transformers with rotary positions, grouped-query attention and a SwiGLU feed-forward layer; the
/// defaults are those of the families' reference configurations.
/// </remarks>
internal sealed record DecoderFamily
{
    private static readonly DecoderFamily[] All =
    [
        new("LlamaForCausalLM") { AttentionBiasKey = true, OutputBias = true, FeedForwardBiasKey = true },
        new("MistralForCausalLM")
        {
            DefaultMaxPositions = 131072,
            DefaultKeyValueHeads = 8,
            WindowEverywhere = true,
        },
        new("Qwen2ForCausalLM")
        {
            DefaultMaxPositions = 32768,
            DefaultKeyValueHeads = 32,
            AttentionBias = true,
            WindowByLayer = true,
        },
        new("Qwen3ForCausalLM")
        {
            DefaultMaxPositions = 32768,
            DefaultKeyValueHeads = 32,
            AttentionBiasKey = true,
            OutputBias = true,
            DefaultHeadLength = 128,
            HeadNorms = true,
            WindowByLayer = true,
        },
    ];

    private DecoderFamily(string architecture) => Architecture = architecture;

    /// <summary>The architecture's name, for example <c>LlamaForCausalLM</c>.</summary>
    public string Architecture { get; }

    /// <summary>The longest sequence where the configuration does not say.</summary>
    public int DefaultMaxPositions { get; private init; } = 2048;

    /// <summary>The key-value heads where the configuration has no key for them; null for as many as query
    /// heads.</summary>
    public int? DefaultKeyValueHeads { get; private init; }

    /// <summary>The elements of a head where the configuration has no key for it; null for hidden size / heads.</summary>
    public int? DefaultHeadLength { get; private init; }

    /// <summary>Whether queries, keys and values always have a bias.</summary>
    public bool AttentionBias { get; private init; }

    /// <summary>Whether <c>attention_bias</c> says if they have one.</summary>
    public bool AttentionBiasKey { get; private init; }

    /// <summary>Whether the attention's output has a bias where queries have one.</summary>
    public bool OutputBias { get; private init; }

    /// <summary>Whether <c>mlp_bias</c> says if the feed-forward layer has biases.</summary>
    public bool FeedForwardBiasKey { get; private init; }

    /// <summary>Whether each head of queries and keys is normed before it is rotated.</summary>
    public bool HeadNorms { get; private init; }

    /// <summary>Whether <c>sliding_window</c> holds in every layer, 4096 where the key is absent.</summary>
    public bool WindowEverywhere { get; private init; }

    /// <summary>Whether <c>use_sliding_window</c> and the layers' types say where it holds.</summary>
    public bool WindowByLayer { get; private init; }

    /// <summary>The names of the architectures that there are.</summary>
    public static IEnumerable<string> Architectures => All.Select(family => family.Architecture);

    /// <summary>The family of an architecture, or null.</summary>
    public static DecoderFamily? Find(string? architecture) =>
        All.FirstOrDefault(family => family.Architecture == architecture);
}
