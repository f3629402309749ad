using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace Interfuse.Server.Http.OpenAi;

/// <summary>Writes server-sent events that hold JSON.</summary>
internal sealed class SseWriter : IDisposable
{
    private readonly PipeWriter _body;
    private readonly Utf8JsonWriter _json;
    private readonly CancellationToken _gone;

    /// <summary>Begins the events.</summary>
    public SseWriter(HttpContext context)
    {
        HttpResponse response = context.Response;
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";

        // What nginx does by itself would hold pieces back.
        response.Headers["X-Accel-Buffering"] = "no";
        _body = response.BodyWriter;
        _json = new Utf8JsonWriter(_body, new JsonWriterOptions { Encoder = ApiJson.Plain.Options.Encoder });
        _gone = context.RequestAborted;
    }

    public void Write<T>(T value, JsonTypeInfo<T> type)
    {
        _body.Write("data: "u8);
        _json.Reset();
        JsonSerializer.Serialize(_json, value, type);
        _json.Flush();
        _body.Write("\n\n"u8);
    }

    /// <summary>Says that nothing follows.</summary>
    public void WriteDone() => _body.Write("data: [DONE]\n\n"u8);

    /// <summary>Sends what was written; waits while the client is slow.</summary>
    public async ValueTask SendAsync()
    {
        FlushResult sent = await _body.FlushAsync(_gone);
        if (sent.IsCompleted)
        {
            throw new OperationCanceledException("The client is gone.", _gone);
        }
    }

    /// <summary>Sends what was written, if anybody is still there.</summary>
    public async ValueTask SendLastAsync()
    {
        try
        {
            await SendAsync();
        }
        catch (OperationCanceledException)
        {
        }
    }

    public void Dispose() => _json.Dispose();
}
