using System.Diagnostics;
using System.Text.Json;

namespace Interfuse.Cli.Tests;

/// <summary>Runs the built command line as a process, the way a user's shell does.</summary>
internal static class CommandLine
{
    public static readonly string Program = Path.Combine(AppContext.BaseDirectory, "interfuse.dll");

    /// <summary>The host that runs the tests, or the one on the path.</summary>
    public static string Host => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    public static Outcome Run(params string[] arguments) => RunWith([], arguments);

    public static Outcome RunWith((string Name, string Value)[] environment, params string[] arguments)
    {
        using RunningCommand command = StartWith(environment, arguments);
        return command.Wait();
    }

    /// <summary>Runs it with a text on its standard input.</summary>
    public static Outcome RunWithInput(string input, params string[] arguments)
    {
        var start = new ProcessStartInfo(Host, [Program, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Process process = Process.Start(start)!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        using var command = new RunningCommand(process);
        return command.Wait();
    }

    /// <summary>Runs it within a script of bash, which has it as <c>"$@"</c>.</summary>
    public static RunningCommand StartInShell(string script, params string[] arguments) => new(Process.Start(
        new ProcessStartInfo("/bin/bash", ["-c", script, "bash", Host, Program, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!);

    public static RunningCommand StartWith((string Name, string Value)[] environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(Host, [Program, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return new RunningCommand(Process.Start(start)!);
    }
}

/// <summary>What a process left behind.</summary>
internal sealed record Outcome(int ExitCode, string Output, string Error)
{
    public JsonElement Json => JsonDocument.Parse(Output).RootElement;

    public string[] ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
