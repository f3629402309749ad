using System.CommandLine;
using Interfuse.Checkpoints;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse inspect PATH</c></summary>
internal static class InspectCommand
{
    private static readonly Argument<string> ModelPath = new("PATH")
    {
        Description = "A model directory, or one .safetensors file.",
    };

    private static readonly Option<bool> Tensors = new("--tensors")
    {
        Description = "List every tensor instead of one line per kind.",
    };

    private static readonly Option<bool> Json = new("--json")
    {
        Description = "Print one JSON document, with every tensor.",
    };

    public static Command Create()
    {
        var command = new Command("inspect", "Show what a model holds; only headers are read.")
        {
            ModelPath, Tensors, Json,
        };
        command.SetAction(parsed =>
        {
            using Checkpoint checkpoint = Checkpoint.Open(parsed.GetRequiredValue(ModelPath));
            var report = ModelReport.Of(checkpoint);
            Console.WriteLine(parsed.GetValue(Json)
                ? Reports.ToJson(report)
                : report.ToText(everyTensor: parsed.GetValue(Tensors)));
            return ExitCode.Ok;
        });
        return command;
    }
}
