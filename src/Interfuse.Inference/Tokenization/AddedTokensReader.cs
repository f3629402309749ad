using System.Text.Json;

namespace Interfuse.Inference.Tokenization;

/// <summary>Reads the list <c>added_tokens</c> of a <c>tokenizer.json</c>.</summary>
internal static class AddedTokensReader
{
    /// <summary>
    /// The tokens in the file's order; their ids and contents contradict neither each other nor the model.
    /// </summary>
    public static List<AddedToken> Read(JsonElement root, Vocabulary vocabulary, TokenizerSettings settings)
    {
        var tokens = new List<AddedToken>();
        if (TokenizerSettings.Optional(root, "added_tokens") is null)
        {
            return tokens;
        }

        var ids = new Dictionary<int, string>();
        var contents = new HashSet<string>(StringComparer.Ordinal);
        foreach (JsonElement element in settings.List(root, "added_tokens", "the file").EnumerateArray())
        {
            AddedToken token = ReadToken(element, $"added token {tokens.Count}", settings);
            if ((vocabulary.Id(token.Content) is int known && known != token.Id) || !contents.Add(token.Content))
            {
                throw settings.Fault($"gives the token '{token.Content}' two ids; download the file again");
            }

            string? other = ids.GetValueOrDefault(token.Id) ?? vocabulary.Token(token.Id);
            if (other is not null && other != token.Content)
            {
                throw settings.Fault($"gives the id {token.Id} to the tokens '{other}' and '{token.Content}'; "
                    + "download the file again");
            }

            ids[token.Id] = token.Content;
            tokens.Add(token);
        }

        return tokens;
    }

    private static AddedToken ReadToken(JsonElement element, string part, TokenizerSettings settings)
    {
        bool special = settings.Flag(element, "special", false, part);
        return new AddedToken(
            TokenizerSettings.Optional(element, "id") is JsonElement id
                ? settings.Id(id, part)
                : throw settings.Fault($"{part} has no id; download the file again"),
            settings.Text(element, "content", part),
            special,
            settings.Flag(element, "single_word", false, part),
            settings.Flag(element, "lstrip", false, part),
            settings.Flag(element, "rstrip", false, part),
            settings.Flag(element, "normalized", !special, part));
    }
}
