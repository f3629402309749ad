using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Interfuse.Server.Http.OpenAi;

/// <summary>One string, or several.</summary>
[JsonConverter(typeof(StopTextsConverter))]
internal sealed record StopTexts(IReadOnlyList<string> Texts)
{
    /// <summary>The most of them; OpenAI allows 4.</summary>
    public const int Most = 16;
}

/// <summary>A prompt: a string, an array of one string, or an array of tokens.</summary>
[JsonConverter(typeof(PromptValueConverter))]
internal sealed record PromptValue(string? Text, ReadOnlyMemory<int> Tokens);

/// <summary>A message's text: a string, or an array of parts that are text.</summary>
[JsonConverter(typeof(ContentTextConverter))]
internal sealed record ContentText(string Text);

internal sealed class StopTextsConverter : JsonConverter<StopTexts>
{
    public override StopTexts Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return new StopTexts([reader.GetString()!]);
        }

        var texts = new List<string>();
        JsonShapes.Require(reader.TokenType == JsonTokenType.StartArray);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            JsonShapes.Require(reader.TokenType == JsonTokenType.String && texts.Count < StopTexts.Most);
            texts.Add(reader.GetString()!);
        }

        return new StopTexts(texts);
    }

    public override void Write(Utf8JsonWriter writer, StopTexts value, JsonSerializerOptions options) =>
        throw new NotSupportedException("Requests are read only.");
}

internal sealed class PromptValueConverter : JsonConverter<PromptValue>
{
    public override PromptValue Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return new PromptValue(reader.GetString(), default);
        }

        JsonShapes.Require(reader.TokenType == JsonTokenType.StartArray && reader.Read());
        if (reader.TokenType == JsonTokenType.String)
        {
            string text = reader.GetString()!;
            JsonShapes.Require(reader.Read() && reader.TokenType == JsonTokenType.EndArray);
            return new PromptValue(text, default);
        }

        var tokens = new List<int>();
        while (reader.TokenType != JsonTokenType.EndArray)
        {
            JsonShapes.Require(
                reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int token) && token >= 0
                && Add(tokens, token) && reader.Read());
        }

        return new PromptValue(null, tokens.ToArray());
    }

    public override void Write(Utf8JsonWriter writer, PromptValue value, JsonSerializerOptions options) =>
        throw new NotSupportedException("Requests are read only.");

    private static bool Add(List<int> tokens, int token)
    {
        tokens.Add(token);
        return true;
    }
}

internal sealed class ContentTextConverter : JsonConverter<ContentText>
{
    public override ContentText Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return new ContentText(reader.GetString()!);
        }

        JsonShapes.Require(reader.TokenType == JsonTokenType.StartArray);
        var text = new StringBuilder();
        using var parts = JsonDocument.ParseValue(ref reader);
        foreach (JsonElement part in parts.RootElement.EnumerateArray())
        {
            JsonShapes.Require(
                part.ValueKind == JsonValueKind.Object
                && part.TryGetProperty("type", out JsonElement type) && type.ValueKind == JsonValueKind.String
                && type.ValueEquals("text")
                && part.TryGetProperty("text", out JsonElement piece) && piece.ValueKind == JsonValueKind.String);
            text.Append(part.GetProperty("text").GetString());
        }

        return new ContentText(text.ToString());
    }

    public override void Write(Utf8JsonWriter writer, ContentText value, JsonSerializerOptions options) =>
        throw new NotSupportedException("Requests are read only.");
}

internal static class JsonShapes
{
    /// <summary>What a property has to be, for people.</summary>
    public static string Words(Type type) => (Nullable.GetUnderlyingType(type) ?? type) switch
    {
        { } known when known == typeof(string) => "a string of whole characters",
        { } known when known == typeof(bool) => "true or false",
        { } known when known == typeof(int) => $"a whole number of at most {int.MaxValue}",
        { } known when known == typeof(long) => $"a whole number of at most {long.MaxValue}",
        { } known when known == typeof(double) => "a number",
        { } known when known == typeof(StopTexts) => $"a string, or an array of at most {StopTexts.Most} strings",
        { } known when known == typeof(PromptValue) => "one string, or an array of one string or of tokens",
        { } known when known == typeof(ContentText) => "a string, or an array of parts of the type 'text'",
        { } known when known.IsAssignableTo(typeof(System.Collections.IEnumerable)) => "an array of what belongs there",
        _ => "an object",
    };

    public static void Require(bool condition)
    {
        if (!condition)
        {
            throw new JsonException();
        }
    }
}
