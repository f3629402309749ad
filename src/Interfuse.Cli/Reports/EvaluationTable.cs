using System.Globalization;

namespace Interfuse.Cli;

/// <summary>An evaluation as a table: a row per model, a column per task.</summary>
internal sealed class EvaluationTable(EvaluationReport report)
{
    private const string Gap = "  ";

    public string ToText()
    {
        string[][] columns = [Names(), .. report.Tasks.Select(Task), .. Means()];
        int[] widths = [.. columns.Select(column => column.Max(cell => cell.Length))];
        IEnumerable<string> rows = Enumerable.Range(0, columns[0].Length).Select(row => string.Join(Gap, columns.Select(
            (column, i) => i == 0 ? column[row].PadRight(widths[i]) : column[row].PadLeft(widths[i]))));
        return string.Join('\n', rows.Select(row => row.TrimEnd()).Append("").Append(Legend()).Concat(Answered()));
    }

    private string[] Names() => ["", "", .. report.Models.Select(model => Messages.OneLine(model.Name))];

    private string[] Task(TaskReport task, int place) =>
    [
        Messages.OneLine(task.Name),
        Spell(task.Metric),
        .. report.Models.Select(model => Cell(model.Results[place][task.Metric], task.HigherIsBetter)),
    ];

    private IEnumerable<string[]> Means() => report.Tasks
        .Select(task => task.Metric)
        .Distinct()
        .Where(metric => report.Models[0].Means.ContainsKey(metric))
        .Select(metric => (string[])
        [
            "mean", Spell(metric), .. report.Models.Select(model => Cell(model.Means[metric], isShare: true)),
        ]);

    // Whom routers sent the samples to.
    private IEnumerable<string> Answered() =>
        from model in report.Models
        where model.Answered is not null
        from line in Answered(model).Prepend("")
        select line;

    private IEnumerable<string> Answered(EvaluatedModelReport model)
    {
        int width = report.Tasks.Max(task => Messages.OneLine(task.Name).Length);
        return model.Answered!
            .Select((counts, place) =>
                $"  {Messages.OneLine(report.Tasks[place].Name).PadRight(width)}{Gap}"
                + string.Join(", ", counts.Select(count => $"{count.Value} by {Messages.OneLine(count.Key)}")))
            .Prepend($"Answered, {Messages.OneLine(model.Name)}");
    }

    private string Legend()
    {
        int samples = report.Tasks.Sum(task => task.Samples);
        string lower = report.Tasks.All(task => task.HigherIsBetter) ? "" : "; of perplexities a lower one is better";
        string time = report.Seconds.ToString(report.Seconds < 10 ? "0.00" : "0.0", CultureInfo.InvariantCulture);
        return $"{Sizes.Count(samples, "sample")} per row{lower}; {time} s on {report.Device}";
    }

    private static string Spell(string metric) => metric.Replace('_', ' ');

    private static string Cell(double value, bool isShare) => isShare
        ? $"{(100 * value).ToString("0.0", CultureInfo.InvariantCulture)} %"
        : value.ToString(value < 100 ? "0.000" : value < 1e6 ? "0.0" : "0.00e0", CultureInfo.InvariantCulture);
}
