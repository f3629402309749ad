using System.Text.Json;

namespace Interfuse.Inference.Tokenization;

/// <summary>The tokens that go before and after those of a text.</summary>
internal sealed record PostProcessor(int[] Before, int[] After)
{
    private const string Supported =
        "TemplateProcessing, ByteLevel, BertProcessing, RobertaProcessing and Sequence are supported";

    /// <summary>Nothing before, nothing after.</summary>
    public static PostProcessor None { get; } = new([], []);

    /// <summary>Reads the post-processor of a <c>tokenizer.json</c>, as far as it concerns single texts.</summary>
    public static PostProcessor Read(JsonElement? element, TokenizerSettings settings)
    {
        if (element is not JsonElement given)
        {
            return None;
        }

        string type = settings.Text(given, "type", "the post-processor");
        string part = $"the post-processor {type}";
        return type switch
        {
            "ByteLevel" => None,
            "Sequence" => settings.List(given, "processors", part).EnumerateArray()
                .Select(step => Read(step, settings))
                .Aggregate(None, (inner, outer) => new PostProcessor(
                    [.. outer.Before, .. inner.Before], [.. inner.After, .. outer.After])),
            "BertProcessing" or "RobertaProcessing" => new PostProcessor(
                [Pair(given, "cls", part, settings)], [Pair(given, "sep", part, settings)]),
            "TemplateProcessing" => Template(given, part, settings),
            _ => throw settings.Fault(
                $"has the post-processor '{type}', and {Supported}; use a tokenizer of such a family"),
        };
    }

    private static int Pair(JsonElement element, string name, string part, TokenizerSettings settings)
    {
        JsonElement pair = settings.List(element, name, part);
        return pair.GetArrayLength() == 2
            ? settings.Id(pair[1], $"'{name}' of {part}")
            : throw settings.Fault($"'{name}' of {part} is not a token and its id; download the file again");
    }

    private static PostProcessor Template(JsonElement element, string part, TokenizerSettings settings)
    {
        var before = new List<int>();
        var after = new List<int>();
        int texts = 0;
        foreach (JsonElement item in settings.List(element, "single", part).EnumerateArray())
        {
            if (TokenizerSettings.Optional(item, "Sequence") is not null)
            {
                texts++;
                continue;
            }

            JsonElement special = TokenizerSettings.Optional(item, "SpecialToken")
                ?? throw settings.Fault($"{part} has an item that is neither a text nor a token; download the file again");
            string name = settings.Text(special, "id", part);
            JsonElement token = TokenizerSettings.Optional(element, "special_tokens") is JsonElement tokens
                && TokenizerSettings.Optional(tokens, name) is JsonElement found
                    ? found
                    : throw settings.Fault($"{part} names the token '{name}' and does not list it in 'special_tokens'; "
                        + "download the file again");
            (texts == 0 ? before : after).AddRange(settings.List(token, "ids", part).EnumerateArray()
                .Select(id => settings.Id(id, $"the token '{name}' of {part}")));
        }

        return texts == 1
            ? new PostProcessor([.. before], [.. after])
            : throw settings.Fault($"{part} has {texts} texts in its template for one text; download the file again");
    }
}
