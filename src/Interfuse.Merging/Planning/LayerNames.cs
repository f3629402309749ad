using System.Text.RegularExpressions;

namespace Interfuse.Merging.Planning;

/// <summary>Tells from a tensor's name whether it belongs to a layer, and to which.</summary>
/// <remarks>
/// No list of architectures: a name's first number between dots is its layer, what stands before it names the stack of layers
/// (<c>model.layers.</c>), as in every decoder on the Hugging Face Hub.
/// </remarks>
internal static partial class LayerNames
{
    private static readonly string[] EmbeddingEndings =
    [
        "embed_tokens.weight", "wte.weight", "embed_in.weight", "word_embeddings.weight", "tok_embeddings.weight",
        "lm_head.weight", "embed_out.weight",
    ];

    // Read before the first layer; everything else outside the layers comes after the last.
    private static readonly string[] BeforeLayers =
    [
        "embed_tokens.weight", "wte.weight", "wpe.weight", "embed_in.weight", "word_embeddings.weight", "embed_positions.weight",
        "word_embeddings_layernorm.weight", "word_embeddings_layernorm.bias", "tok_embeddings.weight",
    ];

    // Buffers that some versions of a model's code store and others compute.
    private static readonly string[] BufferEndings = [".rotary_emb.inv_freq", ".attn.masked_bias", ".attention.masked_bias"];

    public const string Head = "lm_head.weight";

    /// <summary>Splits <c>model.layers.7.mlp.up_proj.weight</c> into <c>model.layers.</c>, 7 and <c>.mlp.up_proj.weight</c>.</summary>
    public static bool TrySplit(string name, out string stack, out int layer, out string suffix)
    {
        Match match = LayerPattern().Match(name);
        stack = match.Groups[1].Value;
        suffix = match.Groups[3].Value;
        layer = 0;
        return match.Success && int.TryParse(match.Groups[2].ValueSpan, out layer);
    }

    /// <summary>Whether the rows of this tensor are indexed by token.</summary>
    public static bool IsEmbedding(string name) => EndsWithAny(name, EmbeddingEndings);

    public static bool IsBeforeLayers(string name) => EndsWithAny(name, BeforeLayers);

    /// <summary>Whether a model may lack this tensor without being a different architecture.</summary>
    public static bool IsComputedBuffer(string name) => EndsWithAny(name, BufferEndings);

    private static bool EndsWithAny(string name, string[] endings) =>
        Array.Exists(endings, ending => name.EndsWith(ending, StringComparison.Ordinal));

    [GeneratedRegex(@"^((?:.*?\.)?)(\d{1,6})(\..+)$", RegexOptions.CultureInvariant)]
    private static partial Regex LayerPattern();
}
