using System.CommandLine;
using System.Diagnostics;
using Interfuse.Experts;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse verify PACK</c></summary>
internal static class VerifyCommand
{
    private static readonly Argument<string> PackPath = new("PACK")
    {
        Description = "The directory of an expert pack.",
    };

    private static readonly Option<bool> Json = new("--json")
    {
        Description = "Print the result as one JSON document.",
    };

    public static Command Create()
    {
        var command = new Command("verify", "Check every byte of a pack against its hashes; a damaged pack is an error.")
        {
            PackPath, Json,
        };
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), CancellationToken.None));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        string path = parsed.GetRequiredValue(PackPath);
        long begin = Stopwatch.GetTimestamp();
        PackVerification verification;
        try
        {
            verification = ExpertPack.Verify(path, progress: null, cancellation);
        }
        catch (OperationCanceledException)
        {
            Messages.Note("interrupted; nothing is known of the pack");
            return ExitCode.Interrupted;
        }

        var report = VerificationReport.Of(path, verification, Stopwatch.GetElapsedTime(begin));
        foreach (PackFault fault in report.Faults)
        {
            Messages.Error($"{Path.Combine(report.Path, fault.File)}: {fault.Reason}");
        }

        if (parsed.GetValue(Json))
        {
            Console.WriteLine(Reports.ToJson(report));
        }
        else if (report.Sound)
        {
            Console.WriteLine(report.ToText());
        }

        return report.Sound ? ExitCode.Ok : ExitCode.BadInput;
    }
}
