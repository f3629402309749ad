using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using System.Text.Unicode;
using Interfuse.Server.Http.Errors;
using Microsoft.AspNetCore.Http;

namespace Interfuse.Server.Http.OpenAi;

/// <summary>Reads the body of a request, or says what is wrong with it without quoting it.</summary>
internal static partial class BodyReader
{
    private static readonly JsonDocumentOptions NoRepetition = new() { AllowDuplicateProperties = false };

    /// <summary>Reads a body.</summary>
    /// <exception cref="ApiException">It is unsound.</exception>
    /// <exception cref="BadHttpRequestException">It is too large, or comes too slowly.</exception>
    public static async Task<T> ReadAsync<T>(HttpRequest request, JsonTypeInfo<T> type)
        where T : class
    {
        // Also keeps pages of other sites out: a browser asks before it sends this type for them.
        if (!request.HasJsonContentType())
        {
            throw new ApiException(ApiError.OfStatus(StatusCodes.Status415UnsupportedMediaType));
        }

        ReadOnlySequence<byte> body = await ReadAllAsync(request.BodyReader, request.HttpContext.RequestAborted);
        try
        {
            return Parse(body, type);
        }
        finally
        {
            // Kestrel closes a connection whose last body is still being read.
            request.BodyReader.AdvanceTo(body.End);
        }
    }

    /// <summary>Reads JSON.</summary>
    /// <exception cref="ApiException">It is unsound.</exception>
    internal static T Parse<T>(ReadOnlySequence<byte> body, JsonTypeInfo<T> type)
        where T : class
    {
        ReadOnlyMemory<byte> bytes = body.IsSingleSegment ? body.First : body.ToArray();
        if (!Utf8.IsValid(bytes.Span))
        {
            throw ApiException.Of("The body is not UTF-8.");
        }

        if (MistakeIn(bytes.Span) is { } mistake)
        {
            throw ApiException.Of(mistake);
        }

        try
        {
            using var document = JsonDocument.Parse(bytes, NoRepetition);
            return Deserialize(document, type) ?? throw ApiException.Of("The body has to be a JSON object.");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw ApiException.Of("The body gives a property twice, or one whose name is not of whole characters.");
        }
    }

    private static T? Deserialize<T>(JsonDocument document, JsonTypeInfo<T> type)
    {
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            return default;
        }

        try
        {
            return document.RootElement.Deserialize(type);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException)
        {
            (string Name, Type Type)? place = error is JsonException { Path: { } path } ? Find(type, path) : null;
            throw place is { } known
                ? ApiException.Of($"'{known.Name}' has to be {JsonShapes.Words(known.Type)}.", known.Name)
                : ApiException.Of("A property has a value of another kind than belongs there.");
        }
    }

    // Where JSON ends to be JSON; the framework's own message might quote it.
    private static string? MistakeIn(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        try
        {
            while (reader.Read())
            {
            }

            return null;
        }
        catch (JsonException error)
        {
            return json.IsEmpty
                ? "The body is empty, and JSON is needed."
                : $"The body is no JSON at line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}.";
        }
    }

    // The property that a path such as $.messages[2].content leads to. Only names that we know are told: others are the
    // client's own text.
    private static (string Name, Type Type)? Find(JsonTypeInfo root, string path)
    {
        JsonTypeInfo? type = root;
        string name = "";
        Type? found = null;
        foreach (Match step in PathStep().Matches(path))
        {
            if (step.Groups["index"] is { Success: true, Value: var index })
            {
                type = type?.ElementType is { } element ? root.Options.GetTypeInfo(element) : null;
                found = type?.Type ?? found;
                name += type is null ? "" : $"[{index}]";
                continue;
            }

            JsonPropertyInfo? property = type?.Properties.FirstOrDefault(known => known.Name == step.Groups["name"].Value);
            if (property is null)
            {
                break;
            }

            name += name.Length == 0 ? property.Name : $".{property.Name}";
            found = property.PropertyType;
            type = root.Options.GetTypeInfo(found);
        }

        return found is null ? null : (name, found);
    }

    private static async Task<ReadOnlySequence<byte>> ReadAllAsync(PipeReader reader, CancellationToken cancellation)
    {
        while (true)
        {
            ReadResult read = await reader.ReadAsync(cancellation);
            if (read.IsCompleted)
            {
                return read.Buffer;
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    [GeneratedRegex(@"\.(?<name>[A-Za-z_]+)|\[(?<index>[0-9]{1,9})\]")]
    private static partial Regex PathStep();
}
