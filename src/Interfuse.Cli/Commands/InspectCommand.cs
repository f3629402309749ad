using System.CommandLine;
using Interfuse.Checkpoints;
using Interfuse.Experts;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse inspect PATH</c></summary>
internal static class InspectCommand
{
    private static readonly Argument<string> ModelPath = new("PATH")
    {
        Description = "A model directory, one .safetensors file, or an expert pack.",
    };

    private static readonly Option<bool> Tensors = new("--tensors")
    {
        Description = "List every tensor; for a model instead of one line per kind.",
    };

    private static readonly Option<bool> Json = new("--json")
    {
        Description = "Print one JSON document, with every tensor.",
    };

    public static Command Create()
    {
        var command = new Command("inspect", "Show what a model or an expert pack holds; only headers are read.")
        {
            ModelPath, Tensors, Json,
        };
        command.SetAction(parsed =>
        {
            string path = parsed.GetRequiredValue(ModelPath);
            Console.WriteLine(ExpertPack.IsPack(path)
                ? OfPack(path, parsed.GetValue(Tensors), parsed.GetValue(Json))
                : OfModel(path, parsed.GetValue(Tensors), parsed.GetValue(Json)));
            return ExitCode.Ok;
        });
        return command;
    }

    private static string OfModel(string path, bool everyTensor, bool json)
    {
        using Checkpoint checkpoint = Checkpoint.Open(path);
        var report = ModelReport.Of(checkpoint);
        return json ? Reports.ToJson(report) : report.ToText(everyTensor);
    }

    private static string OfPack(string path, bool everyTensor, bool json)
    {
        using ExpertPack pack = ExpertPack.Open(path);
        var report = PackReport.Of(pack);
        return json ? Reports.ToJson(report) : report.ToText(everyTensor);
    }
}
