using System.Diagnostics;

namespace Interfuse.Benchmarks.Serving;

/// <summary><c>interfuse serve</c>, in a process of its own.</summary>
internal sealed class ServerProcess : IDisposable
{
    private const string Listening = "listening on ";
    private const int LinesKept = 5;

    private readonly Process _process;

    private ServerProcess(Process process, Uri address)
    {
        _process = process;
        Address = address;
    }

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <summary>The memory that it has of the machine.</summary>
    public long ResidentBytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>Starts it, and waits until it is ready.</summary>
    public static async Task<ServerProcess> StartAsync(string pack, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])
            [Path.Combine(AppContext.BaseDirectory, "interfuse.dll"), "serve", pack, "--port", "0"])
        {
            start.ArgumentList.Add(argument);
        }

        Process process = Process.Start(start)!;

        // Its log has a line for each request; what is said before it ends is worth telling.
        var last = new Queue<string>();
        process.ErrorDataReceived += (_, line) =>
        {
            lock (last)
            {
                last.Enqueue(line.Data ?? "");
                if (last.Count > LinesKept)
                {
                    last.Dequeue();
                }
            }
        };
        process.BeginErrorReadLine();
        while (await process.StandardOutput.ReadLineAsync(cancellation) is { } line)
        {
            int at = line.IndexOf(Listening, StringComparison.Ordinal);
            if (at >= 0)
            {
                var server = new ServerProcess(process, new Uri(line[(at + Listening.Length)..].Trim()));
                _ = Task.Run(() => process.StandardOutput.ReadToEndAsync(CancellationToken.None), CancellationToken.None);
                await server.ReadyAsync(cancellation);
                return server;
            }
        }

        await process.WaitForExitAsync(cancellation);
        throw new InvalidOperationException(
            $"interfuse serve ended with the exit code {process.ExitCode}: {string.Join('\n', last)}");
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private async Task ReadyAsync(CancellationToken cancellation)
    {
        using var client = new HttpClient { BaseAddress = Address };
        while (!(await client.GetAsync(new Uri("/readyz", UriKind.Relative), cancellation)).IsSuccessStatusCode)
        {
            await Task.Delay(50, cancellation);
        }
    }
}
