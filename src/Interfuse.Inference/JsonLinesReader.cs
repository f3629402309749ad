using System.Text;
using System.Text.Json;
using Interfuse.Checkpoints;

namespace Interfuse.Inference;

/// <summary>Reads a file of JSON objects, one a line, and names the line that is at fault.</summary>
/// <param name="path">The file.</param>
/// <param name="forms">What a line must be, for messages.</param>
internal sealed class JsonLinesReader(string path, string forms)
{
    /// <summary>The line that is being read, from 1 on.</summary>
    public int Line { get; private set; }

    /// <summary>Hands over every object; empty lines are skipped.</summary>
    /// <exception cref="CheckpointFormatException">A line is no object, or not UTF-8.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public void ForEach(Action<JsonElement> take)
    {
        using var lines = new StreamReader(path, new UTF8Encoding(false, throwOnInvalidBytes: true));
        while (Next(lines) is { } line)
        {
            if (!string.IsNullOrWhiteSpace(line))
            {
                Parse(line, take);
            }
        }
    }

    /// <summary>A text of an object.</summary>
    public string Text(JsonElement value, string name)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String
                ? value.GetString()!
                : throw Fault($"has a \"{name}\" that is no text; {forms}");
        }
        catch (InvalidOperationException)
        {
            throw Fault($"has half a surrogate pair in its \"{name}\"; write the whole character");
        }
    }

    /// <summary>A property that an object must have.</summary>
    public JsonElement Required(JsonElement parent, string name) => parent.TryGetProperty(name, out JsonElement value)
        ? value
        : throw Fault($"has no \"{name}\"; {forms}");

    /// <summary>What is wrong with the line that is being read.</summary>
    public CheckpointFormatException Fault(string reason) => new(path, $"line {Line} {reason}");

    private void Parse(string line, Action<JsonElement> take)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw Fault($"is no object; {forms}");
            }

            take(document.RootElement);
        }
        catch (JsonException error)
        {
            throw Fault($"is not JSON ({error.Message.Split(". ")[0].TrimEnd('.')}); {forms}");
        }
    }

    private string? Next(StreamReader lines)
    {
        Line++;
        try
        {
            return lines.ReadLine();
        }
        catch (DecoderFallbackException)
        {
            // Bytes are decoded some lines ahead.
            throw new CheckpointFormatException(path, $"is not UTF-8, in line {Line} or soon after it; save it as UTF-8");
        }
    }
}
