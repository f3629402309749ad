using System.Text.Json;
using Interfuse.Checkpoints;

namespace Interfuse.Inference.Evaluation;

/// <summary>Reads a task's lines.</summary>
internal sealed class EvaluationTaskReader(string path)
{
    private const string Forms =
        """an object with "prompt" and "answer", with "prompt", "choices" and "answer", or with "text" is needed""";

    private readonly JsonLinesReader _lines = new(path, Forms);

    public EvaluationTask Read()
    {
        if (!File.Exists(path))
        {
            throw new CheckpointFormatException(path, "there is no such file; give a task in JSON Lines");
        }

        var samples = new List<EvaluationSample>();
        EvaluationKind? kind = null;
        _lines.ForEach(line =>
        {
            (EvaluationKind found, EvaluationSample sample) = Parse(line);
            if (kind is not null && kind != found)
            {
                throw _lines.Fault("is a sample of another kind than the first line's; give each kind a file of its own");
            }

            kind = found;
            samples.Add(sample);
        });
        return kind is { } only
            ? new EvaluationTask(Path.GetFileNameWithoutExtension(path), only, samples)
            : throw new CheckpointFormatException(path, $"has no samples; on each line, {Forms}");
    }

    private (EvaluationKind Kind, EvaluationSample Sample) Parse(JsonElement sample)
    {
        if (sample.TryGetProperty("text", out JsonElement text))
        {
            return (EvaluationKind.Perplexity, new EvaluationSample(_lines.Line, _lines.Text(text, "text"), [], []));
        }

        string prompt = _lines.Text(_lines.Required(sample, "prompt"), "prompt");
        JsonElement answer = _lines.Required(sample, "answer");
        return sample.TryGetProperty("choices", out JsonElement choices)
            ? (EvaluationKind.MultipleChoice, Choice(prompt, Texts(choices, "choices"), answer))
            : (EvaluationKind.ExactMatch, new EvaluationSample(_lines.Line, prompt, Texts(answer, "answer"), []));
    }

    private EvaluationSample Choice(string prompt, List<string> choices, JsonElement answer)
    {
        if (choices.Count < 2 || choices.Contains(""))
        {
            throw _lines.Fault("""has fewer than two "choices", or an empty one""");
        }

        string right = answer.ValueKind == JsonValueKind.Number
            ? answer.TryGetInt32(out int place) && place >= 0 && place < choices.Count
                ? choices[place]
                : throw _lines.Fault($"""has the "answer" {answer.GetRawText()}, and choices 0 to {choices.Count - 1}""")
            : _lines.Text(answer, "answer");
        return choices.Contains(right)
            ? new EvaluationSample(_lines.Line, prompt, [right], choices)
            : throw _lines.Fault($"""has the "answer" '{right}', which is none of its "choices" """.TrimEnd());
    }

    private List<string> Texts(JsonElement value, string name)
    {
        List<string> texts = value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(item => _lines.Text(item, name))]
            : [_lines.Text(value, name)];
        return texts.Count > 0 ? texts : throw _lines.Fault($"has an empty list as \"{name}\"");
    }
}
