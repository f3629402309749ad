using System.Globalization;
using Interfuse.Experts.Routing;

namespace Interfuse.Cli;

/// <summary>A router that was trained, and how it did on the prompts held out (<c>interfuse route train</c>).</summary>
internal sealed record RouterReport(
    string Pack, IReadOnlyList<string> Experts, int Depth, int Layers, int TrainingPrompts, int HeldOutPrompts, int RepeatedPrompts,
    double Accuracy, IReadOnlyList<IReadOnlyList<int>> Confusion, double Temperature, double CalibrationErrorBefore,
    double CalibrationErrorAfter, double Low, double High, double Mass, int Iterations, bool Converged, string Device)
{
    private const int WidestName = 12;

    /// <summary>The time that all of it took.</summary>
    public double Seconds { get; init; }

    public static RouterReport Of(string pack, int layers, int repeated, RouterTraining training, string device)
    {
        RouterFacts facts = training.Router.Facts;
        return new RouterReport(
            pack,
            facts.Experts,
            facts.Features.Depth,
            layers,
            facts.TrainingPrompts,
            facts.HeldOutPrompts,
            repeated,
            facts.Accuracy,
            training.Confusion,
            training.Router.Temperature,
            facts.ErrorBefore,
            facts.ErrorAfter,
            facts.Marks.Low,
            facts.Marks.High,
            facts.Marks.Mass,
            training.Iterations,
            training.Converged,
            device);
    }

    public string ToText() => string.Join("\n\n", Summary(), ConfusionTable());

    private string Summary()
    {
        string repeated = RepeatedPrompts == 0 ? "" : $"; {RepeatedPrompts} repeated, left out";
        string where = Depth == 0 ? "embeddings" : $"hidden state after {Depth} of {Layers} layers";
        return Reports.ToText(
            $"Router of {Pack}",
            ("features", $"the shared model's {where}"),
            ("prompts", $"{TrainingPrompts} trained on, {HeldOutPrompts} held out{repeated}"),
            ("accuracy", $"{PackReport.Percent(Accuracy)} of those held out"),
            ("temperature", Number(Temperature)),
            ("calibration", $"expected error {PackReport.Percent(CalibrationErrorBefore)} before the temperature, "
                + $"{PackReport.Percent(CalibrationErrorAfter)} after"),
            ("uncertainty", $"sure below {Number(Low)}, lost above {Number(High)}, mixed to a probability of {Number(Mass)}"),
            ("time", $"{Seconds.ToString("0.0", CultureInfo.InvariantCulture)} s on {Device}"));
    }

    private string ConfusionTable()
    {
        string[] names = [.. Experts.Select(name => Short(Messages.OneLine(name)))];
        string Cell(int count) => count.ToString(CultureInfo.InvariantCulture);
        int width = Math.Max(names.Max(name => name.Length), Cell(HeldOutPrompts).Length);
        string Row(string name, IEnumerable<string> cells) =>
            $"  {name.PadRight(width)}" + string.Concat(cells.Select(cell => $"  {cell.PadLeft(width)}"));

        return string.Join('\n',
        [
            "Held out: whose prompts (rows) were taken for whose (columns)",
            Row("", names),
            .. Confusion.Select((row, expert) => Row(names[expert], row.Select(Cell))),
        ]);
    }

    private static string Number(double number) => number.ToString("0.###", CultureInfo.InvariantCulture);

    private static string Short(string name) => name.Length <= WidestName ? name : $"{name[..(WidestName - 2)]}..";
}
