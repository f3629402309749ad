using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Interfuse.Benchmarks.Serving;

/// <summary>A prompt of a task.</summary>
/// <param name="Expert">Who is to answer it.</param>
/// <param name="Text">The prompt.</param>
internal sealed record ServingPrompt(string Expert, string Text)
{
    /// <summary>The answer that it gets alone.</summary>
    public string? Expected { get; set; }

    /// <summary>The prompts of a task.</summary>
    public static IEnumerable<ServingPrompt> Load(string folder, string expert) => File
        .ReadLines(Path.Combine(folder, expert + ".jsonl"))
        .Select(line => new ServingPrompt(expert, JsonDocument.Parse(line).RootElement.GetProperty("prompt").GetString()!));
}

/// <summary>An answer, and how long it took.</summary>
internal sealed record ServedAnswer(string Text, int Tokens, TimeSpan FirstToken, TimeSpan Total);

/// <summary>Streams completions from a server.</summary>
/// <param name="address">The server.</param>
/// <param name="maxTokens">The longest answer.</param>
internal sealed class ServingClient(Uri address, int maxTokens) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { MaxConnectionsPerServer = 4096 }) { BaseAddress = address };

    /// <summary>The experts of the pack.</summary>
    public async Task<string[]> ExpertsAsync(CancellationToken cancellation)
    {
        JsonElement list = await _http.GetFromJsonAsync<JsonElement>(new Uri("/v1/models", UriKind.Relative), cancellation);
        return
        [
            .. list.GetProperty("data").EnumerateArray()
                .Select(model => model.GetProperty("id").GetString()!)
                .Where(id => id.Contains('/', StringComparison.Ordinal))
                .Select(id => id[(id.IndexOf('/', StringComparison.Ordinal) + 1)..])
                .Where(name => name is not ("auto" or "shared")),
        ];
    }

    /// <summary>Asks for an answer, as it comes.</summary>
    public async Task<ServedAnswer> AskAsync(ServingPrompt prompt, CancellationToken cancellation)
    {
        long begin = Stopwatch.GetTimestamp();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("/v1/completions", UriKind.Relative))
        {
            Content = JsonContent.Create(new
            {
                model = prompt.Expert,
                prompt = prompt.Text,
                max_tokens = maxTokens,
                temperature = 0,
                stream = true,
                stream_options = new { include_usage = true },
            }),
        };
        using HttpResponseMessage response = await _http.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        if (!response.IsSuccessStatusCode)
        {
            throw new HttpRequestException(
                $"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync(cancellation)}");
        }

        var text = new StringBuilder();
        TimeSpan? first = null;
        int tokens = 0;
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellation));
        while (await reader.ReadLineAsync(cancellation) is { } line)
        {
            if (!line.StartsWith("data: {", StringComparison.Ordinal))
            {
                continue;
            }

            first ??= Stopwatch.GetElapsedTime(begin);
            using var piece = JsonDocument.Parse(line.AsMemory("data: ".Length));
            if (piece.RootElement.TryGetProperty("error", out JsonElement error))
            {
                throw new HttpRequestException(error.ToString());
            }

            foreach (JsonElement choice in piece.RootElement.GetProperty("choices").EnumerateArray())
            {
                text.Append(choice.GetProperty("text").GetString());
            }

            if (piece.RootElement.TryGetProperty("usage", out JsonElement usage) && usage.ValueKind == JsonValueKind.Object)
            {
                tokens = usage.GetProperty("completion_tokens").GetInt32();
            }
        }

        return new ServedAnswer(text.ToString(), tokens, first ?? default, Stopwatch.GetElapsedTime(begin));
    }

    public void Dispose() => _http.Dispose();
}
