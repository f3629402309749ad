using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Interfuse.Compute;
using Interfuse.Experts;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Models;
using Interfuse.Inference.Routing;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse route train PACK --calibration DIR</c></summary>
internal static class RouteTrainCommand
{
    private const string Share = "from 0 to 1";

    private static readonly RouterTrainingOptions Defaults = new();

    private static readonly Option<string> Calibration = new("--calibration")
    {
        Description = "A directory with a file EXPERT.jsonl for each expert of the pack: its prompts, one "
            + "{\"prompt\": TEXT} a line.",
        HelpName = "DIR",
        Required = true,
    };

    private static readonly Option<ulong?> Depth = new("--depth")
    {
        Description = "How many layers of the shared model a prompt goes through before it is judged; 0 judges by its embeddings. "
            + "[default: half of them]",
        HelpName = "N",
        CustomParser = result => Usage.ParseNumber(result, 0, int.MaxValue),
    };

    private static readonly Option<double?> HeldOut = new("--held-out")
    {
        Description = "The share of each expert's prompts that is kept back, to try and to calibrate on. "
            + $"[default: {Text(Defaults.HeldOut)}]",
        HelpName = "SHARE",
        CustomParser = result => Usage.ParseReal(result, share => share is > 0 and < 1, "above 0 and below 1"),
    };

    private static readonly Option<ulong?> Seed = new("--seed")
    {
        Description = $"Decides which prompts are kept back. [default: {Defaults.Seed}]",
        HelpName = "N",
        CustomParser = result => Usage.ParseNumber(result, 0, ulong.MaxValue),
    };

    private static readonly Option<double?> Low = Mark(
        "--low", "Below this uncertainty one expert answers alone.", Defaults.Marks.Low);

    private static readonly Option<double?> High = Mark(
        "--high", "Above this uncertainty the shared model answers; raised until 99 % of the prompts kept back lie within it.",
        Defaults.Marks.High);

    private static readonly Option<double?> Mass = Mark(
        "--mass", "The probability that experts who answer together have at least.", Defaults.Marks.Mass);

    public static Command Create()
    {
        var command = new Command("train", "Train a pack's router by prompts of its experts, and put it into the pack.")
        {
            RouteCommand.PackPath, Calibration, Depth, HeldOut, Seed, Low, High, Mass, CommonOptions.DeviceName,
            CommonOptions.Threads, CommonOptions.Json, CommonOptions.Quiet,
        };
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), CancellationToken.None));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        long begin = Stopwatch.GetTimestamp();
        string path = parsed.GetRequiredValue(RouteCommand.PackPath);
        RouterTrainingOptions options = OptionsOf(parsed);
        PackManifest manifest;
        using (var pack = ExpertPack.Open(path))
        {
            manifest = pack.Manifest;
        }

        using var model = RunnableModel.Open(path, chat: false);
        var prompts = CalibrationPrompts.Load(parsed.GetRequiredValue(Calibration), manifest.Experts);
        RouterFeatures features = FeaturesOf(parsed, model);
        var output = Output.Of(parsed);
        using Device device = CommonOptions.OpenDevice(parsed, output, CommonOptions.ThreadsOf(parsed));
        var progress = new SampleProgress(prompts.Prompts.Count) { Unit = "prompt" };
        RouterTraining training;
        using (output.ShowProgress(progress.Status))
        {
            using Decoder decoder = model.Load(device);
            training = RouterCalibration.Train(
                manifest, decoder, model.Tokenizer, prompts.Prompts, features, options, progress, cancellation);
        }

        RouterInstaller.Install(path, training.Router);
        if (!training.Converged)
        {
            output.Warn([$"training was still gaining after {training.Iterations} steps; the router is what it had come to"]);
        }

        var report = RouterReport.Of(model.Path, model.Config.LayerCount, prompts.Repeated, training, device.Name) with
        {
            Seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds,
        };
        output.Print(report, report.ToText);
        return ExitCode.Ok;
    }

    private static RouterFeatures FeaturesOf(ParseResult parsed, RunnableModel model)
    {
        int layers = model.Config.LayerCount;
        return parsed.GetValue(Depth) is not { } depth
            ? new RouterFeatures(layers / 2)
            : (int)depth <= layers
                ? new RouterFeatures((int)depth)
                : throw new InterfuseException(
                    $"{model.Path}: has {layers} layers, so that --depth is 0 to {layers}, not {depth}.");
    }

    private static RouterTrainingOptions OptionsOf(ParseResult parsed) => Defaults with
    {
        HeldOut = parsed.GetValue(HeldOut) ?? Defaults.HeldOut,
        Seed = parsed.GetValue(Seed) ?? Defaults.Seed,
        Marks = MarksOf(parsed),
    };

    private static RouteMarks MarksOf(ParseResult parsed)
    {
        var marks = new RouteMarks(
            parsed.GetValue(Low) ?? Defaults.Marks.Low, parsed.GetValue(High) ?? Defaults.Marks.High,
            parsed.GetValue(Mass) ?? Defaults.Marks.Mass);
        return marks.Fault is { } fault ? throw new InterfuseException($"--low, --high and --mass: {fault}.") : marks;
    }

    private static Option<double?> Mark(string name, string description, double value) => new(name)
    {
        Description = $"{description} [default: {Text(value)}]",
        HelpName = "NUMBER",
        CustomParser = result => Usage.ParseReal(result, number => number is >= 0 and <= 1, Share),
    };

    private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);
}
