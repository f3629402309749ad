using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Interfuse.Checkpoints;

/// <summary>
/// A model's <c>config.json</c>. Key order, number spelling and keys unknown to Interfuse are kept.
/// </summary>
/// <remarks>
/// Models with several towers keep the language model's settings under <c>text_config</c>. Each property is looked up
/// at the top first and then there; a setter writes every place that has the key already.
/// </remarks>
public sealed class ModelConfig
{
    private const string Nested = "text_config";

    private static readonly string[] LayerKeys = ["num_hidden_layers", "n_layer", "num_layers"];
    private static readonly string[] DTypeKeys = ["torch_dtype", "dtype"];

    private ModelConfig(JsonObject json) => Json = json;

    /// <summary>The whole file.</summary>
    public JsonObject Json { get; }

    /// <summary>The family, for example <c>llama</c>.</summary>
    public string? ModelType => AsString(Json["model_type"]);

    /// <summary>The first of <c>architectures</c>, for example <c>LlamaForCausalLM</c>.</summary>
    public string? Architecture => AsString((Json["architectures"] as JsonArray)?.FirstOrDefault());

    /// <summary>The number of decoder layers.</summary>
    public int? LayerCount => Find(AsInteger, LayerKeys) is long count and >= 0 and <= int.MaxValue ? (int)count : null;

    /// <summary>The rows of the embedding matrix.</summary>
    public long? VocabSize => Find(AsInteger, "vocab_size");

    /// <summary>Whether the output head is the embedding matrix.</summary>
    public bool? TieWordEmbeddings => Find(AsBoolean, "tie_word_embeddings");

    /// <summary>Reads a <c>config.json</c>.</summary>
    /// <exception cref="CheckpointFormatException">The file is not a JSON object.</exception>
    public static ModelConfig Read(string path) => new(JsonFile.ReadObject(path));

    /// <summary>An independent copy.</summary>
    public ModelConfig Clone() => new(Json.DeepClone().AsObject());

    /// <summary>
    /// Sets the dtype under the key in use: <c>torch_dtype</c>, <c>dtype</c> or both; <c>torch_dtype</c> if neither.
    /// </summary>
    public void SetDType(DType dtype)
    {
        if (!Replace(DTypeKeys, dtype.TorchName()))
        {
            Json[DTypeKeys[0]] = dtype.TorchName();
        }
    }

    /// <summary>Sets the number of decoder layers.</summary>
    public void SetLayerCount(int layers) => Set(LayerKeys, layers);

    /// <summary>Sets the rows of the embedding matrix.</summary>
    public void SetVocabSize(long rows) => Set(["vocab_size"], rows);

    /// <summary>Sets whether the output head is the embedding matrix.</summary>
    public void SetTieWordEmbeddings(bool tied) => Set(["tie_word_embeddings"], tied);

    /// <summary>The file's content: two spaces of indent, a newline at the end.</summary>
    public byte[] ToUtf8Bytes() => JsonFile.Write(Json);

    private IEnumerable<JsonObject> Places() => Json[Nested] is JsonObject nested ? [Json, nested] : [Json];

    private T? Find<T>(Func<JsonNode?, T?> read, params string[] keys)
        where T : struct =>
        Places().SelectMany(place => keys.Select(key => read(place[key]))).FirstOrDefault(value => value is not null);

    private static string? AsString(JsonNode? node) =>
        node?.GetValueKind() == JsonValueKind.String ? node.GetValue<string>() : null;

    // By way of its text, because a number that was set as an int cannot be asked for as a long, and the reverse.
    private static long? AsInteger(JsonNode? node) =>
        long.TryParse(node?.ToJsonString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value)
            ? value
            : null;

    private static bool? AsBoolean(JsonNode? node) => node?.GetValueKind() switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };

    private void Set<T>(string[] keys, T value)
    {
        if (!Replace(keys, value))
        {
            Places().Last()[keys[0]] = JsonValue.Create(value);
        }
    }

    private bool Replace<T>(string[] keys, T value)
    {
        bool replaced = false;
        foreach (JsonObject place in Places())
        {
            foreach (string key in keys.Where(place.ContainsKey))
            {
                place[key] = JsonValue.Create(value);
                replaced = true;
            }
        }

        return replaced;
    }
}
