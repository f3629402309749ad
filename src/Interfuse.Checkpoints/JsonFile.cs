using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Interfuse.Checkpoints;

/// <summary>
/// The small JSON files of a model directory: read strictly, written the way Python's tools write them.
/// </summary>
internal static class JsonFile
{
    private static readonly JsonWriterOptions WriterOptions = new()
    {
        Indented = true,
        IndentSize = 2,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static JsonObject ReadObject(string path)
    {
        JsonNode? node;
        try
        {
            node = JsonNode.Parse(FileRead.Small(path), documentOptions: new() { AllowDuplicateProperties = false });
        }
        catch (JsonException e)
        {
            throw new CheckpointFormatException(
                path, $"is not valid JSON ({e.Message}); repair it or download it again");
        }

        return node as JsonObject
            ?? throw new CheckpointFormatException(path, "is not a JSON object; repair it or download it again");
    }

    /// <summary>Two spaces of indent, a newline at the end, letters of all scripts as themselves.</summary>
    public static byte[] Write(JsonNode node)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, WriterOptions))
        {
            node.WriteTo(writer);
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }
}
