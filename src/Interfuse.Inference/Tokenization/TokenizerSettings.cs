using System.Text.Json;
using Interfuse.Checkpoints;

namespace Interfuse.Inference.Tokenization;

/// <summary>Looks settings up in one JSON file of a model directory and makes the errors about them.</summary>
internal sealed class TokenizerSettings(string path)
{
    // Sixteen times the largest that is in use; a file beyond it is something else under this name.
    private const long MaxBytes = 512L << 20;

    /// <summary>Token ids stay below this: a hundred times the largest vocabulary in use.</summary>
    public const int MaxIds = 1 << 24;

    public string Path => path;

    /// <summary>Parses the file and reads it; every way in which its JSON can be broken is one kind of error.</summary>
    public T Read<T>(Func<JsonElement, T> read)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            if (stream.Length > MaxBytes)
            {
                throw Fault($"is {stream.Length} bytes long, over the limit of {MaxBytes} for such a file");
            }

            using var document = JsonDocument.Parse(stream);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? read(document.RootElement)
                : throw Fault("is not a JSON object; repair it or download it again");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException is how the parser reports a string that is not valid Unicode.
            throw Fault($"is not valid JSON ({e.Message}); repair it or download it again");
        }
    }

    public CheckpointFormatException Fault(string reason) => new(path, reason);

    /// <summary>The property, unless it is absent or null.</summary>
    public static JsonElement? Optional(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object
        && element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null
            ? value
            : null;

    public string Text(JsonElement element, string name, string part) =>
        OptionalText(element, name, part) ?? throw Fault($"{part} has no text '{name}'; download the file again");

    public string? OptionalText(JsonElement element, string name, string part) => Optional(element, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } value => value.GetString(),
        _ => throw Fault($"'{name}' of {part} is not a text; download the file again"),
    };

    public bool Flag(JsonElement element, string name, bool absent, string part) =>
        OptionalFlag(element, name, part) ?? absent;

    public bool? OptionalFlag(JsonElement element, string name, string part) => Optional(element, name)?.ValueKind switch
    {
        null => null,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Fault($"'{name}' of {part} is neither true nor false; download the file again"),
    };

    public int Count(JsonElement element, string name, string part) =>
        Optional(element, name) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out int count)
        && count >= 0
            ? count
            : throw Fault($"'{name}' of {part} is not a count; download the file again");

    public JsonElement List(JsonElement element, string name, string part) =>
        Optional(element, name) is { ValueKind: JsonValueKind.Array } value
            ? value
            : throw Fault($"{part} has no list '{name}'; download the file again");

    /// <summary>A token id: 0 to 2^24 - 1.</summary>
    public int Id(JsonElement value, string what) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int id) && id is >= 0 and < MaxIds
            ? id
            : throw Fault($"{what} has the id {value.GetRawText()}, where 0 to {MaxIds - 1} is expected; "
                + "download the file again");
}
