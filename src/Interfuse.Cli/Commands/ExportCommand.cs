using System.CommandLine;
using System.Diagnostics;
using Interfuse.Experts;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse export PACK --expert NAME OUT</c></summary>
internal static class ExportCommand
{
    private static readonly Argument<string> PackPath = new("PACK")
    {
        Description = "The directory of an expert pack.",
    };

    private static readonly Argument<string> Target = new("OUT")
    {
        Description = "The model directory to make. It appears when it is complete, and not before.",
    };

    private static readonly Option<string> Expert = new("--expert")
    {
        Description = "Which expert; 'interfuse inspect PACK' shows their names.",
        HelpName = "NAME",
        Required = true,
    };

    private static readonly Option<long?> ShardSize = new("--shard-size")
    {
        Description = "Begin a new output file at this size, for example 2GB. [default: 5GB]",
        HelpName = "SIZE",
        CustomParser = Usage.ParseSize,
    };

    private static readonly Option<bool> Overwrite = new("--overwrite")
    {
        Description = "Replace the directory at OUT once the new one is complete.",
    };

    private static readonly Option<bool> Json = new("--json")
    {
        Description = "Print the result as one JSON document, and show no progress.",
    };

    private static readonly Option<bool> Quiet = new("--quiet", "-q")
    {
        Description = "Print errors only: no result, no progress.",
    };

    public static Command Create()
    {
        var command = new Command("export", "Give one expert of a pack back as a model directory.")
        {
            PackPath, Target, Expert, ShardSize, Overwrite, Json, Quiet,
        };
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), CancellationToken.None));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        long begin = Stopwatch.GetTimestamp();
        using var pack = ExpertPack.Open(parsed.GetRequiredValue(PackPath));
        int expert = pack.FindExpert(parsed.GetRequiredValue(Expert));
        var options = new PackExportOptions { Overwrite = parsed.GetValue(Overwrite) };
        options = options with { ShardSize = parsed.GetValue(ShardSize) ?? options.ShardSize };
        bool json = parsed.GetValue(Json);
        bool quiet = parsed.GetValue(Quiet);
        var progress = new ByteProgress();
        long bytes = pack.Tensors.Sum(tensor => tensor.Spec.ByteLength);
        PackExportResult result;
        try
        {
            using (ProgressView.Show(
                elapsed => progress.Status(bytes, bytesMoved: 2, "flushing to disk", elapsed), hidden: quiet || json))
            {
                result = PackExport.Run(pack, expert, parsed.GetRequiredValue(Target), options, progress, cancellation);
            }
        }
        catch (OperationCanceledException)
        {
            Messages.Note("interrupted; nothing was written");
            return ExitCode.Interrupted;
        }

        var report = ExportReport.Of(pack, expert, result, Stopwatch.GetElapsedTime(begin));
        if (json)
        {
            Console.WriteLine(Reports.ToJson(report));
        }
        else if (!quiet)
        {
            Console.WriteLine(report.ToText());
        }

        return ExitCode.Ok;
    }
}
