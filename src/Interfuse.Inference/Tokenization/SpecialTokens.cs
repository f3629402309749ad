using System.Text.Json;

namespace Interfuse.Inference.Tokenization;

/// <summary>What the files beside <c>tokenizer.json</c> say of the tokens that begin and end a text.</summary>
/// <param name="Begin">The token that begins a text, if one is named.</param>
/// <param name="End">The token that ends a text, if one is named.</param>
/// <param name="AddBegin">Whether every text begins with it; null: as <c>tokenizer.json</c> says.</param>
/// <param name="AddEnd">Whether every text ends with it; null: as <c>tokenizer.json</c> says.</param>
/// <param name="EndIds">The ids at which the model's own settings end a generation.</param>
internal sealed record SpecialTokens(string? Begin, string? End, bool? AddBegin, bool? AddEnd, int[] EndIds)
{
    /// <summary>The file with the settings of the tokenizer class, and the chat template.</summary>
    public const string ConfigFile = "tokenizer_config.json";

    // These classes make the post-processor anew from the two flags, so the one in tokenizer.json does not count.
    private static readonly string[] FlagClasses =
        ["LlamaTokenizer", "LlamaTokenizerFast", "CodeLlamaTokenizer", "CodeLlamaTokenizerFast"];

    /// <summary>Reads them; each file may be absent.</summary>
    public static SpecialTokens Read(string directory)
    {
        SpecialTokens named = ReadIfThere(directory, ConfigFile, FromConfig);
        if (named.Begin is null || named.End is null)
        {
            SpecialTokens map = ReadIfThere(directory, "special_tokens_map.json", FromMap);
            named = named with { Begin = named.Begin ?? map.Begin, End = named.End ?? map.End };
        }

        SpecialTokens ids = ReadIfThere(directory, "generation_config.json", FromModel);
        return named with
        {
            EndIds = ids.EndIds.Length > 0 ? ids.EndIds : ReadIfThere(directory, "config.json", FromModel).EndIds,
        };
    }

    private static SpecialTokens ReadIfThere(
        string directory, string name, Func<JsonElement, TokenizerSettings, SpecialTokens> read)
    {
        var settings = new TokenizerSettings(Path.Combine(directory, name));
        return File.Exists(settings.Path)
            ? settings.Read(root => read(root, settings))
            : new SpecialTokens(null, null, null, null, []);
    }

    private static SpecialTokens FromConfig(JsonElement root, TokenizerSettings settings)
    {
        bool counts = FlagClasses.Contains(settings.OptionalText(root, "tokenizer_class", "the file"));
        return FromMap(root, settings) with
        {
            AddBegin = counts ? settings.OptionalFlag(root, "add_bos_token", "the file") : null,
            AddEnd = counts ? settings.OptionalFlag(root, "add_eos_token", "the file") : null,
        };
    }

    private static SpecialTokens FromMap(JsonElement root, TokenizerSettings settings) =>
        new(Named(root, "bos_token", settings), Named(root, "eos_token", settings), null, null, []);

    private static string? Named(JsonElement root, string name, TokenizerSettings settings) =>
        TokenizerSettings.Optional(root, name) is { ValueKind: JsonValueKind.Object } token
            ? settings.Text(token, "content", $"'{name}'")
            : settings.OptionalText(root, name, "the file");

    private static SpecialTokens FromModel(JsonElement root, TokenizerSettings settings)
    {
        int[] ids = TokenizerSettings.Optional(root, "eos_token_id") switch
        {
            null => [],
            { ValueKind: JsonValueKind.Array } list =>
                [.. list.EnumerateArray().Select(id => settings.Id(id, "'eos_token_id'"))],
            JsonElement id => [settings.Id(id, "'eos_token_id'")],
        };
        return new SpecialTokens(null, null, null, null, ids);
    }
}
