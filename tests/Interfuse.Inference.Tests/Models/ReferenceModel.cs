using System.Text.Json;
using Interfuse.Testing;

namespace Interfuse.Inference.Tests.Models;

/// <summary>A small model with logits that PyTorch computed in float64 (Reference/README.md).</summary>
internal sealed class ReferenceModel
{
    private readonly JsonElement _json;

    public ReferenceModel(string name)
    {
        Path = Repository.PathOf("tests", "Interfuse.Inference.Tests", "Reference", "models", name);
        using var document = JsonDocument.Parse(File.ReadAllBytes(System.IO.Path.Combine(Path, "reference.json")));
        _json = document.RootElement.Clone();
    }

    /// <summary>The names of all of them.</summary>
    public static IEnumerable<string> Names => Directory
        .GetDirectories(Repository.PathOf("tests", "Interfuse.Inference.Tests", "Reference", "models"))
        .Select(path => System.IO.Path.GetFileName(path))
        .Order(StringComparer.Ordinal);

    /// <summary>The model's directory.</summary>
    public string Path { get; }

    /// <summary>Prompts, and the logits of the last token of each.</summary>
    public IEnumerable<(int[] Tokens, double[] Logits)> Prompts => _json.GetProperty("prompts").EnumerateArray()
        .Select(prompt => (Ids(prompt, "token_ids"), Numbers(prompt.GetProperty("logits"))));

    /// <summary>A prompt, and the logits of each of its tokens.</summary>
    public (int[] Tokens, double[][] Logits) AllPositions
    {
        get
        {
            JsonElement all = _json.GetProperty("all_positions");
            return (Ids(all, "token_ids"), [.. all.GetProperty("logits").EnumerateArray().Select(Numbers)]);
        }
    }

    /// <summary>A prompt, the tokens that greedy decoding adds, and by how much each was ahead of the next best.</summary>
    public (int[] Prompt, int[] Tokens, double[] Margins) Continuation
    {
        get
        {
            JsonElement continuation = _json.GetProperty("continuation");
            return (
                Ids(continuation, "prompt"),
                Ids(continuation, "token_ids"),
                Numbers(continuation.GetProperty("margins")));
        }
    }

    private static int[] Ids(JsonElement parent, string name) =>
        [.. parent.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];

    private static double[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(value => value.GetDouble())];
}
