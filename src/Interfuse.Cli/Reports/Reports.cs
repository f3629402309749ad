using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Interfuse.Cli;

/// <summary>How the reports look as JSON: snake_case names, two-space indent.</summary>
internal static class Reports
{
    /// <summary>How anything that people may read is written; a number that is not finite as its name in a text.</summary>
    public static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    public static string ToJson<T>(T report) => JsonSerializer.Serialize(report, Options);

    /// <summary>Lines of a label and a value, the values below each other.</summary>
    public static string ToText(string title, params (string Label, string? Value)[] lines)
    {
        int width = lines.Max(line => line.Label.Length);
        return string.Join('\n', lines
            .Where(line => line.Value is not null)
            .Select(line => $"  {line.Label.PadRight(width)}  {Messages.OneLine(line.Value!)}")
            .Prepend(Messages.OneLine(title)));
    }

    /// <summary>Values below each other, the label beside the first.</summary>
    public static IEnumerable<(string Label, string? Value)> Column(string label, IEnumerable<string> values) =>
        values.Select((value, index) => (index == 0 ? label : "", (string?)value));
}
