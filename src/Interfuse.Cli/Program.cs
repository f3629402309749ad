using System.CommandLine;
using Interfuse.Cli;
using Interfuse.Cli.Commands;

const string Description = "Interfuse merges fine-tuned language models, runs and serves them. Exit codes: 0 done, 1 bad input, "
    + "2 bad command line, 3 reading or writing failed, 4 the device failed, 70 a bug, 130 interrupted.";

var root = new RootCommand(Description)
{
    MergeCommand.Create(),
    InspectCommand.Create(),
    AnalyzeCommand.Create(),
    GenerateCommand.Create(),
    EvalCommand.Create(),
    RouteCommand.Create(),
    ServeCommand.Create(),
    HashKeyCommand.Create(),
    ExportCommand.Create(),
    VerifyCommand.Create(),
    DoctorCommand.Create(),
    BenchCommand.Create(),
};

try
{
    // Without response files: a path may begin with an @.
    ParseResult parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
    if (Usage.MistakeIn(parsed) is { } mistake)
    {
        Messages.Error(mistake);
        string command = $"interfuse {Usage.Typed(parsed.CommandResult)}".TrimEnd();
        await Console.Error.WriteLineAsync($"Run '{command} --help' to see what is possible.");
        return ExitCode.Usage;
    }

    return await parsed.InvokeAsync(new InvocationConfiguration
    {
        EnableDefaultExceptionHandler = false,
        // A merge stops within a second; this is how long a signal waits for it before the process is ended. A server has
        // answers to finish, and its host attends to signals itself.
        ProcessTerminationTimeout =
            parsed.CommandResult.Command.Name == ServeCommand.Name ? null : TimeSpan.FromSeconds(10),
    });
}
catch (Exception error)
{
    return Failure.Report(error);
}
