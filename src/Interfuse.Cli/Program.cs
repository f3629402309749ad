using System.CommandLine;
using Interfuse;
using Interfuse.Cli;
using Interfuse.Cli.Commands;

var root = new RootCommand("Interfuse merges fine-tuned language models.")
{
    MergeCommand.Create(),
    InspectCommand.Create(),
    DoctorCommand.Create(),
};

ParseResult parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    foreach (var error in parsed.Errors)
    {
        await Console.Error.WriteLineAsync($"error: {error.Message}");
    }

    await Console.Error.WriteLineAsync("Run 'interfuse --help' or 'interfuse COMMAND --help' to see what is possible.");
    return ExitCode.Usage;
}

try
{
    return await parsed.InvokeAsync(new InvocationConfiguration
    {
        EnableDefaultExceptionHandler = false,
        // A merge stops within a second; this is how long a signal waits for it before the process is ended.
        ProcessTerminationTimeout = TimeSpan.FromSeconds(10),
    });
}
catch (OperationCanceledException)
{
    await Console.Error.WriteLineAsync("interrupted");
    return ExitCode.Interrupted;
}
catch (InterfuseException error)
{
    await Console.Error.WriteLineAsync($"error: {error.Message}");
    return ExitCode.BadInput;
}
catch (Exception error) when (error is IOException or UnauthorizedAccessException)
{
    await Console.Error.WriteLineAsync($"error: {error.Message}");
    return ExitCode.InputOutput;
}
