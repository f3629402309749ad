using System.Text;
using System.Text.Json;
using Interfuse.Checkpoints;

namespace Interfuse.Inference.Evaluation;

/// <summary>Reads a task's lines.</summary>
internal sealed class EvaluationTaskReader(string path)
{
    private const string Forms =
        """an object with "prompt" and "answer", with "prompt", "choices" and "answer", or with "text" is needed""";

    private int _line;

    public EvaluationTask Read()
    {
        if (!File.Exists(path))
        {
            throw new CheckpointFormatException(path, "there is no such file; give a task in JSON Lines");
        }

        var samples = new List<EvaluationSample>();
        EvaluationKind? kind = null;
        using var lines = new StreamReader(path, new UTF8Encoding(false, throwOnInvalidBytes: true));
        while (Next(lines) is { } line)
        {
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            (EvaluationKind found, EvaluationSample sample) = Parse(line);
            if (kind is not null && kind != found)
            {
                throw Fault("is a sample of another kind than the first line's; give each kind a file of its own");
            }

            kind = found;
            samples.Add(sample);
        }

        return kind is { } only
            ? new EvaluationTask(Path.GetFileNameWithoutExtension(path), only, samples)
            : throw new CheckpointFormatException(path, $"has no samples; on each line, {Forms}");
    }

    private string? Next(StreamReader lines)
    {
        _line++;
        try
        {
            return lines.ReadLine();
        }
        catch (DecoderFallbackException)
        {
            // Bytes are decoded some lines ahead.
            throw new CheckpointFormatException(path, $"is not UTF-8, in line {_line} or soon after it; save it as UTF-8");
        }
    }

    private (EvaluationKind Kind, EvaluationSample Sample) Parse(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            JsonElement sample = document.RootElement;
            if (sample.ValueKind != JsonValueKind.Object)
            {
                throw Fault($"is no object; {Forms}");
            }

            if (sample.TryGetProperty("text", out JsonElement text))
            {
                return (EvaluationKind.Perplexity, new EvaluationSample(_line, Text(text, "text"), [], []));
            }

            string prompt = Text(Required(sample, "prompt"), "prompt");
            JsonElement answer = Required(sample, "answer");
            return sample.TryGetProperty("choices", out JsonElement choices)
                ? (EvaluationKind.MultipleChoice, Choice(prompt, Texts(choices, "choices"), answer))
                : (EvaluationKind.ExactMatch, new EvaluationSample(_line, prompt, Texts(answer, "answer"), []));
        }
        catch (JsonException error)
        {
            throw Fault($"is not JSON ({error.Message.Split(". ")[0].TrimEnd('.')}); {Forms}");
        }
    }

    private EvaluationSample Choice(string prompt, List<string> choices, JsonElement answer)
    {
        if (choices.Count < 2 || choices.Contains(""))
        {
            throw Fault("""has fewer than two "choices", or an empty one""");
        }

        string right = answer.ValueKind == JsonValueKind.Number
            ? answer.TryGetInt32(out int place) && place >= 0 && place < choices.Count
                ? choices[place]
                : throw Fault($"""has the "answer" {answer.GetRawText()}, and choices 0 to {choices.Count - 1}""")
            : Text(answer, "answer");
        return choices.Contains(right)
            ? new EvaluationSample(_line, prompt, [right], choices)
            : throw Fault($"""has the "answer" '{right}', which is none of its "choices" """.TrimEnd());
    }

    private JsonElement Required(JsonElement sample, string name) => sample.TryGetProperty(name, out JsonElement value)
        ? value
        : throw Fault($"has no \"{name}\"; {Forms}");

    private List<string> Texts(JsonElement value, string name)
    {
        List<string> texts = value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(item => Text(item, name))]
            : [Text(value, name)];
        return texts.Count > 0 ? texts : throw Fault($"has an empty list as \"{name}\"");
    }

    private string Text(JsonElement value, string name)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String
                ? value.GetString()!
                : throw Fault($"has a \"{name}\" that is no text; {Forms}");
        }
        catch (InvalidOperationException)
        {
            throw Fault($"has half a surrogate pair in its \"{name}\"; write the whole character");
        }
    }

    private CheckpointFormatException Fault(string reason) => new(path, $"line {_line} {reason}");
}
