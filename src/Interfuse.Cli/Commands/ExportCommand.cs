using System.CommandLine;
using System.Diagnostics;
using Interfuse.Experts;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse export PACK --expert NAME OUT</c>, or a mixture of experts.</summary>
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

    public static Command Create()
    {
        var command = new Command("export", "Give an expert of a pack, or a mixture of experts, back as a model directory.")
        {
            PackPath, Target, ExpertChoice.Expert, ExpertChoice.Mixture, ExpertChoice.Shared, CommonOptions.ShardSize,
            CommonOptions.Overwrite, CommonOptions.Json, CommonOptions.Quiet,
        };
        ExpertChoice.AllowOne(command, isNeeded: true, ExpertChoice.Expert, ExpertChoice.Mixture, ExpertChoice.Shared);
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), CancellationToken.None));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        long begin = Stopwatch.GetTimestamp();
        using var pack = ExpertPack.Open(parsed.GetRequiredValue(PackPath));
        ExpertMix mix = MixOf(pack, parsed);
        var options = new PackExportOptions { Overwrite = parsed.GetValue(CommonOptions.Overwrite) };
        options = options with { ShardSize = parsed.GetValue(CommonOptions.ShardSize) ?? options.ShardSize };
        var output = Output.Of(parsed);
        var progress = new ByteProgress();
        long bytes = pack.Tensors.Sum(tensor => tensor.Spec.ByteLength);
        PackExportResult result;
        try
        {
            using (output.ShowProgress(elapsed => progress.Status(bytes, bytesMoved: 2, "flushing to disk", elapsed)))
            {
                result = PackExport.Run(pack, mix, parsed.GetRequiredValue(Target), options, progress, cancellation);
            }
        }
        catch (OperationCanceledException)
        {
            Messages.Note("interrupted; nothing was written");
            return ExitCode.Interrupted;
        }

        var report = ExportReport.Of(pack, mix, result, Stopwatch.GetElapsedTime(begin));
        output.Print(report, report.ToText);
        return ExitCode.Ok;
    }

    private static ExpertMix MixOf(ExpertPack pack, ParseResult parsed)
    {
        if (parsed.GetValue(ExpertChoice.Expert) is { } name)
        {
            return ExpertMix.Of(pack.FindExpert(name));
        }

        return parsed.GetValue(ExpertChoice.Mixture) is { } shares ? pack.FindMix(shares) : ExpertMix.Shared;
    }
}
