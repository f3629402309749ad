using System.Text.Json;

namespace Interfuse.Inference.Tokenization;

/// <summary>Reads the byte-pair model of a <c>tokenizer.json</c>.</summary>
internal static class BytePairReader
{
    private const string Part = "the model";

    /// <summary>Reads the model.</summary>
    /// <param name="model">The value of the key <c>model</c>.</param>
    /// <param name="settings">The file.</param>
    public static (Vocabulary Vocabulary, BytePairModel Model) Read(JsonElement model, TokenizerSettings settings)
    {
        CheckKind(model, settings);
        Vocabulary vocabulary = ReadVocabulary(model, settings);
        string? unknown = settings.OptionalText(model, "unk_token", Part);
        var options = new BytePairOptions(
            unknown is null
                ? null
                : vocabulary.Id(unknown) ?? throw settings.Fault(
                    $"names '{unknown}' as the unknown token, and it is not in the vocabulary; download the file again"),
            settings.Flag(model, "fuse_unk", false, Part),
            settings.Flag(model, "byte_fallback", false, Part) ? ByteTokens(vocabulary) : null,
            settings.Flag(model, "ignore_merges", false, Part));
        return (vocabulary, new BytePairModel(vocabulary, ReadMerges(model, vocabulary, settings), options));
    }

    private static void CheckKind(JsonElement model, TokenizerSettings settings)
    {
        // Files of the first years name no type; those with merges are byte-pair models.
        string? type = settings.OptionalText(model, "type", Part);
        if (type is not null and not "BPE")
        {
            throw settings.Fault($"has a model of type '{type}', and BPE is supported; use a model of a family that has "
                + "a byte-pair tokenizer, such as Llama, Mistral or Qwen");
        }

        foreach (string name in new[] { "continuing_subword_prefix", "end_of_word_suffix" })
        {
            if (!string.IsNullOrEmpty(settings.OptionalText(model, name, Part)))
            {
                throw settings.Fault($"sets '{name}', which is not supported; use a model of a supported family");
            }
        }

        if (TokenizerSettings.Optional(model, "dropout") is JsonElement dropout
            && !(dropout.ValueKind == JsonValueKind.Number && dropout.GetDouble() == 0))
        {
            throw settings.Fault("sets 'dropout', which makes tokens random; set it to null to run the model");
        }
    }

    private static Vocabulary ReadVocabulary(JsonElement model, TokenizerSettings settings)
    {
        if (TokenizerSettings.Optional(model, "vocab") is not { ValueKind: JsonValueKind.Object } vocab
            || vocab.GetPropertyCount() == 0)
        {
            throw settings.Fault("has no vocabulary; download the file again");
        }

        var ids = new Dictionary<string, int>(vocab.GetPropertyCount(), StringComparer.Ordinal);
        foreach (JsonProperty entry in vocab.EnumerateObject())
        {
            string token = entry.Name;
            int id = settings.Id(entry.Value, $"the token '{token}'");
            if (!ids.TryAdd(token, id))
            {
                throw settings.Fault($"lists the token '{token}' twice; download the file again");
            }
        }

        return new Vocabulary(ids, (id, first, second) => settings.Fault(
            $"gives the id {id} to the tokens '{first}' and '{second}'; download the file again"));
    }

    private static int[] ByteTokens(Vocabulary vocabulary) =>
        [.. Enumerable.Range(0, 256).Select(value => vocabulary.Id($"<0x{value:X2}>") ?? -1)];

    private static Dictionary<ulong, (int Rank, int Merged)> ReadMerges(
        JsonElement model, Vocabulary vocabulary, TokenizerSettings settings)
    {
        JsonElement list = settings.List(model, "merges", Part);
        var merges = new Dictionary<ulong, (int Rank, int Merged)>(list.GetArrayLength());
        int rank = 0;
        foreach (JsonElement item in list.EnumerateArray())
        {
            // Both sides in one text, and where the second starts: hundreds of thousands of times, so without copies.
            (string text, int end, int start) = Pair(item, rank, settings);
            ReadOnlySpan<char> left = text.AsSpan(0, end);
            ReadOnlySpan<char> right = text.AsSpan(start);
            ulong pair = BytePairMerger.Key(Id(left, "joins"), Id(right, "joins"));
            merges[pair] = (rank, Id(end == start ? text : string.Concat(left, right), "makes"));
            rank++;
        }

        return merges;

        int Id(ReadOnlySpan<char> token, string verb) => vocabulary.TryGetId(token, out int id)
            ? id
            : throw settings.Fault(
                $"merge {rank} {verb} '{token}', which is not in the vocabulary; download the file again");
    }

    /// <summary>A merge in either spelling: one text with a space between its sides, or a list of the two.</summary>
    private static (string Text, int End, int Start) Pair(JsonElement item, int rank, TokenizerSettings settings)
    {
        if (item.ValueKind == JsonValueKind.String)
        {
            string text = item.GetString()!;
            int space = text.IndexOf(' ', StringComparison.Ordinal);
            if (space >= 0 && text.IndexOf(' ', space + 1) < 0)
            {
                return (text, space, space + 1);
            }
        }
        else if (item.ValueKind == JsonValueKind.Array && item.GetArrayLength() == 2
            && item[0].ValueKind == JsonValueKind.String && item[1].ValueKind == JsonValueKind.String)
        {
            string left = item[0].GetString()!;
            return (left + item[1].GetString(), left.Length, left.Length);
        }

        throw settings.Fault($"merge {rank} is not two tokens ({item.GetRawText()}); download the file again");
    }
}
