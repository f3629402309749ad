using System.Text.Json;
using Interfuse.Checkpoints;

namespace Interfuse.Merging.Planning;

/// <summary>Which token has which id, read from a model's <c>tokenizer.json</c>.</summary>
internal sealed class Vocabulary
{
    private readonly Dictionary<string, int> _ids;

    private Vocabulary(Dictionary<string, int> ids)
    {
        _ids = ids;
        TokensById = ids.GroupBy(pair => pair.Value).ToDictionary(group => group.Key, group => group.First().Key);
    }

    /// <summary>The token of each id that has one.</summary>
    public IReadOnlyDictionary<int, string> TokensById { get; }

    /// <summary>The id of a token, or -1.</summary>
    public int IdOf(string token) => _ids.GetValueOrDefault(token, -1);

    public bool SameAs(Vocabulary other) =>
        _ids.Count == other._ids.Count && _ids.All(pair => other.IdOf(pair.Key) == pair.Value);

    /// <summary>Reads the tokens of a model directory.</summary>
    /// <exception cref="CheckpointFormatException">There is no tokenizer.json, or it has no vocabulary.</exception>
    public static Vocabulary Read(Checkpoint checkpoint)
    {
        string path = Path.Combine(checkpoint.Path, "tokenizer.json");
        if (!File.Exists(path))
        {
            throw new CheckpointFormatException(
                checkpoint.Path, "has no tokenizer.json, which is needed to compare vocabularies; save the tokenizer in its fast form");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            return new Vocabulary(ReadIds(document.RootElement));
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException
            or FormatException or ArgumentNullException or IndexOutOfRangeException)
        {
            throw new CheckpointFormatException(path, $"isn't a tokenizer in Hugging Face's format: {error.Message}");
        }
    }

    private static Dictionary<string, int> ReadIds(JsonElement root)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        JsonElement vocabulary = root.GetProperty("model").GetProperty("vocab");
        if (vocabulary.ValueKind == JsonValueKind.Array)
        {
            // Unigram: a list of [token, score] in the order of ids.
            int id = 0;
            foreach (JsonElement entry in vocabulary.EnumerateArray())
            {
                ids[entry[0].GetString()!] = id++;
            }
        }
        else
        {
            foreach (JsonProperty entry in vocabulary.EnumerateObject())
            {
                ids[entry.Name] = entry.Value.GetInt32();
            }
        }

        if (root.TryGetProperty("added_tokens", out JsonElement added) && added.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement token in added.EnumerateArray())
            {
                ids[token.GetProperty("content").GetString()!] = token.GetProperty("id").GetInt32();
            }
        }

        return ids;
    }
}
