using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Interfuse.Checkpoints;

namespace Interfuse.Inference.Models;

/// <summary>Reads a decoder's shape out of a <c>config.json</c>: every setting checked, none guessed.</summary>
internal sealed class DecoderConfigReader(ModelConfig config, string path)
{
    // No model has more of anything that is counted here; products of two still fit 64 bits.
    private const long Most = 1 << 26;

    private readonly JsonObject _json = config.Json;

    /// <exception cref="CheckpointFormatException">See <see cref="DecoderConfig.Read"/>.</exception>
    public DecoderConfig Read()
    {
        DecoderFamily family = Family();
        Refuse("quantization_config", "weights are quantized, and bf16, f16 or f32 are needed; give the model as it was before");
        string activation = Text(_json, "hidden_act") ?? "silu";
        if (activation is not ("silu" or "swish"))
        {
            throw Fault($"has hidden_act '{activation}', and the families supported here have 'silu'");
        }

        int hidden = Count("hidden_size");
        int heads = Count("num_attention_heads");
        int keyValueHeads = KeyValueHeads(family, heads);
        if (heads % keyValueHeads != 0)
        {
            throw Fault(
                $"has num_attention_heads {heads}, which is no multiple of num_key_value_heads {keyValueHeads}; correct it");
        }

        int layers = Count("num_hidden_layers");
        int headLength = HeadLength(family, hidden, heads);
        int maxPositions = _json["max_position_embeddings"] is null
            ? family.DefaultMaxPositions
            : Count("max_position_embeddings");
        RopeSettings rope = new RopeReader(_json, maxPositions, Fault).Read();
        bool attentionBias = family.AttentionBias || (family.AttentionBiasKey && Flag("attention_bias"));
        return new DecoderConfig
        {
            Architecture = family.Architecture,
            VocabularySize = Count("vocab_size"),
            HiddenSize = hidden,
            FeedForwardSize = Count("intermediate_size"),
            LayerCount = layers,
            QueryHeads = heads,
            KeyValueHeads = keyValueHeads,
            HeadLength = headLength,
            NormEpsilon = (float)(Number(_json, "rms_norm_eps") ?? 1e-6),
            AttentionBias = attentionBias,
            OutputBias = attentionBias && family.OutputBias,
            FeedForwardBias = family.FeedForwardBiasKey && Flag("mlp_bias"),
            HeadNorms = family.HeadNorms,
            TiedHead = Flag("tie_word_embeddings"),
            Rope = rope,
            Windows = [.. Windows(family, layers)],
            ContextLength = ContextLength(rope, maxPositions),
        };
    }

    private DecoderFamily Family() => DecoderFamily.Find(config.Architecture) ?? throw Fault(
        $"names the architecture {(config.Architecture is { } name ? $"'{name}'" : "of no model")}; "
        + $"those that can be run are {string.Join(", ", DecoderFamily.Architectures)}");

    // A key whose value is null says as many as query heads; a key that is not there, what the family has.
    private int KeyValueHeads(DecoderFamily family, int heads) => _json["num_key_value_heads"] is not null
        ? Count("num_key_value_heads")
        : _json.ContainsKey("num_key_value_heads") ? heads : family.DefaultKeyValueHeads ?? heads;

    private int HeadLength(DecoderFamily family, int hidden, int heads)
    {
        int length = _json.ContainsKey("head_dim") switch
        {
            true when _json["head_dim"] is not null => Count("head_dim"),
            false when family.DefaultHeadLength is int named => named,
            _ when hidden % heads == 0 => hidden / heads,
            _ => throw Fault($"has hidden_size {hidden}, no multiple of num_attention_heads {heads}, and no head_dim; add it"),
        };
        return length % 2 == 0
            ? length
            : throw Fault($"has heads of {length} elements, an odd number, which can't be rotated by halves");
    }

    // Dynamic scaling stretches for as long as the text is.
    private static int ContextLength(RopeSettings rope, int maxPositions)
    {
        double stretched = rope.Scaling switch
        {
            RopeScaling.Linear or RopeScaling.Yarn => rope.TrainedLength * rope.Factor,
            RopeScaling.Dynamic => int.MaxValue,
            _ => 0,
        };
        return (int)Math.Min(int.MaxValue, Math.Max(maxPositions, stretched));
    }

    private IEnumerable<int> Windows(DecoderFamily family, int layers)
    {
        if (family.WindowEverywhere)
        {
            int window = _json.ContainsKey("sliding_window") ? OptionalWindow() : 4096;
            return Enumerable.Repeat(window, layers);
        }

        if (!family.WindowByLayer || !Flag("use_sliding_window"))
        {
            return Enumerable.Repeat(int.MaxValue, layers);
        }

        int sliding = _json.ContainsKey("sliding_window") ? OptionalWindow() : 4096;
        if (_json["layer_types"] is JsonArray types)
        {
            return LayerTypes(types, layers).Select(slides => slides ? sliding : int.MaxValue);
        }

        long whole = Whole(_json["max_window_layers"]) ?? 28;
        return Enumerable.Range(0, layers).Select(layer => layer >= whole ? sliding : int.MaxValue);
    }

    private int OptionalWindow() => _json["sliding_window"] is null ? int.MaxValue : Count("sliding_window");

    private List<bool> LayerTypes(JsonArray types, int layers)
    {
        if (types.Count != layers)
        {
            throw Fault($"has {types.Count} layer_types for {layers} layers; correct one of them");
        }

        return
        [
            .. types.Select(type => type?.GetValueKind() == JsonValueKind.String ? type.GetValue<string>() : "").Select(
                type => type switch
                {
                    "sliding_attention" => true,
                    "full_attention" => false,
                    _ => throw Fault($"has the layer type '{type}'; known are full_attention and sliding_attention"),
                }),
        ];
    }

    private void Refuse(string key, string reason)
    {
        if (_json[key] is not null)
        {
            throw Fault($"has {key}: {reason}");
        }
    }

    private int Count(string key) => Whole(_json[key]) is long count and > 0 and <= Most
        ? (int)count
        : throw Fault($"has {Shown(_json, key)}, where a whole number from 1 to {Most} is needed");

    private bool Flag(string key) => _json[key]?.GetValueKind() switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False or null or JsonValueKind.Null => false,
        _ => throw Fault($"has {Shown(_json, key)}, where true or false is needed"),
    };

    private CheckpointFormatException Fault(string reason) => new(path, reason);

    internal static string Shown(JsonObject json, string key) =>
        json[key] is { } value ? $"{key} {value.ToJsonString()}" : $"no {key}";

    internal static long? Whole(JsonNode? node) =>
        Number(node) is double value && value == Math.Truncate(value) && Math.Abs(value) < long.MaxValue ? (long)value : null;

    internal static double? Number(JsonObject json, string key) => Number(json[key]);

    internal static string? Text(JsonObject json, string key) =>
        json[key]?.GetValueKind() == JsonValueKind.String ? json[key]!.GetValue<string>() : null;

    private static double? Number(JsonNode? node) =>
        node?.GetValueKind() == JsonValueKind.Number
        && double.TryParse(node.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            ? value
            : null;
}
