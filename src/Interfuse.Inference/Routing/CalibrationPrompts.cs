using Interfuse.Checkpoints;

namespace Interfuse.Inference.Routing;

/// <summary>A prompt to train a router with.</summary>
/// <param name="Text">The prompt.</param>
/// <param name="Expert">The expert that is to answer it, by its place in the pack.</param>
/// <param name="Place">The file and the line it comes from.</param>
public sealed record CalibrationPrompt(string Text, int Expert, string Place);

/// <summary>The prompts in a directory: a file <c>EXPERT.jsonl</c> for each expert of a pack.</summary>
/// <remarks>
/// A line is an object with a text <c>prompt</c>; other keys are let alone, so tasks for evaluation will do. Empty
/// lines are skipped. A prompt that a file has several times counts once.
/// </remarks>
/// <param name="Prompts">The prompts, by expert and line.</param>
/// <param name="Repeated">How many were left out, because their file had them before.</param>
public sealed record CalibrationPrompts(IReadOnlyList<CalibrationPrompt> Prompts, int Repeated)
{
    private const string Extension = ".jsonl";
    private const string Form = """an object with a "prompt" is needed""";

    /// <summary>Reads the prompts.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="experts">The experts' names, in the pack's order.</param>
    /// <exception cref="CheckpointFormatException">A file is missing, or is no expert's; or a line has no prompt, or an
    /// empty one; it is named.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static CalibrationPrompts Load(string directory, IReadOnlyList<string> experts)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ArgumentNullException.ThrowIfNull(experts);
        if (!Directory.Exists(directory))
        {
            throw new CheckpointFormatException(
                directory, $"there is no such directory; give one with a file of prompts for each expert: {Files(experts)}");
        }

        string[] expected = [.. experts.Select(expert => expert + Extension)];
        string[] found = [.. Directory.GetFiles(directory, "*" + Extension).Select(file => Path.GetFileName(file))];
        if (expected.Except(found).FirstOrDefault() is { } missing)
        {
            throw new CheckpointFormatException(
                directory, $"has no {missing}, and every expert needs a file of prompts: {Files(experts)}");
        }

        if (found.Except(expected).Order(StringComparer.Ordinal).FirstOrDefault() is { } stranger)
        {
            throw new CheckpointFormatException(
                directory,
                $"has {stranger}, and the pack has no expert of that name; rename it or move it elsewhere. A pack's files are "
                + Files(experts));
        }

        var prompts = new List<CalibrationPrompt>();
        int repeated = 0;
        for (int expert = 0; expert < expected.Length; expert++)
        {
            repeated += Read(Path.Combine(directory, expected[expert]), expert, prompts);
        }

        return new CalibrationPrompts(prompts, repeated);
    }

    private static string Files(IReadOnlyList<string> experts) =>
        string.Join(", ", experts.Select(expert => $"'{expert}{Extension}'"));

    private static int Read(string path, int expert, List<CalibrationPrompt> prompts)
    {
        var lines = new JsonLinesReader(path, Form);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        int repeated = 0;
        lines.ForEach(line =>
        {
            string text = lines.Text(lines.Required(line, "prompt"), "prompt");
            if (string.IsNullOrWhiteSpace(text))
            {
                throw lines.Fault("has an empty \"prompt\", which tells nothing; delete the line or write one");
            }

            if (seen.Add(text))
            {
                prompts.Add(new CalibrationPrompt(text, expert, $"{path}: line {lines.Line}"));
            }
            else
            {
                repeated++;
            }
        });
        return seen.Count > 0
            ? repeated
            : throw new CheckpointFormatException(path, $"has no prompts; on each line, {Form}");
    }
}
