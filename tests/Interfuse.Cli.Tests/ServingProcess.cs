using System.Diagnostics;
using System.Text;

namespace Interfuse.Cli.Tests;

/// <summary>A running <c>interfuse serve</c>.</summary>
internal sealed class ServingProcess : IDisposable
{
    // Far beyond what any test needs: only a process that hangs meets it.
    private static readonly TimeSpan HangGuard = TimeSpan.FromMinutes(2);

    private readonly Process _process;
    private readonly Task<string> _error;

    private ServingProcess(Process process)
    {
        _process = process;
        _error = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Asks the server.</summary>
    public HttpClient Client { get; } = new() { Timeout = HangGuard };

    /// <summary>Starts a server at a free port, and waits until it listens.</summary>
    public static async Task<ServingProcess> StartAsync((string Name, string Value)[] environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(CommandLine.Host, [CommandLine.Program, "serve", .. arguments, "--port", "0"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        var server = new ServingProcess(Process.Start(start)!);
        const string Listening = "listening on ";
        string? line = await server._process.StandardOutput.ReadLineAsync().WaitAsync(HangGuard);
        Assert.That(line, Does.StartWith(Listening), line is null ? await server._error : line);
        server.Client.BaseAddress = new Uri(line![Listening.Length..]);
        return server;
    }

    /// <summary>Waits until all models are loaded.</summary>
    public async Task WaitUntilReadyAsync()
    {
        long begin = Stopwatch.GetTimestamp();
        while (!(await Client.GetAsync("/readyz")).IsSuccessStatusCode)
        {
            Assert.That(Stopwatch.GetElapsedTime(begin), Is.LessThan(HangGuard), "never ready");
            await Task.Delay(20);
        }
    }

    /// <summary>Asks for an answer that is streamed; gives the response when it has begun.</summary>
    public async Task<StreamReader> StreamAsync(string json)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = new StringContent(json, Encoding.UTF8, "application/json"),
        };
        HttpResponseMessage response = await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.That(response.IsSuccessStatusCode, Is.True, $"{response.StatusCode}");
        return new StreamReader(await response.Content.ReadAsStreamAsync());
    }

    public void Signal(int signal) => RunningCommand.Signal(_process.Id, signal);

    /// <summary>Waits for the end; fails if it doesn't come.</summary>
    public async Task<(int ExitCode, string Error)> WaitAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(HangGuard);
        return (_process.ExitCode, await _error);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
        Client.Dispose();
    }
}
