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

    public static Command Create()
    {
        var command = new Command("verify", "Check every byte of a pack against its hashes; a damaged pack is an error.")
        {
            PackPath, CommonOptions.Json, CommonOptions.Quiet,
        };
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), CancellationToken.None));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        string path = parsed.GetRequiredValue(PackPath);
        long begin = Stopwatch.GetTimestamp();
        var output = Output.Of(parsed);
        var progress = new ByteProgress();
        long bytes = BytesIn(path);
        PackVerification verification;
        try
        {
            using (output.ShowProgress(elapsed => progress.Status(bytes, bytesMoved: 1, "opening", elapsed)))
            {
                verification = ExpertPack.Verify(path, progress, cancellation);
            }
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

        // Of a damaged pack people have been told by then.
        if (report.Sound || output.IsJson)
        {
            output.Print(report, report.ToText);
        }

        return report.Sound ? ExitCode.Ok : ExitCode.BadInput;
    }

    // Of whatever is there: a manifest may be damaged, and is no file to take figures from before it is verified.
    private static long BytesIn(string path) => Directory.Exists(path)
        ? new DirectoryInfo(path).EnumerateFiles().Sum(file => file.Length)
        : 0;
}
