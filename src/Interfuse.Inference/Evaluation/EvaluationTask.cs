using Interfuse.Checkpoints;

namespace Interfuse.Inference.Evaluation;

/// <summary>What a task asks of a model.</summary>
public enum EvaluationKind
{
    /// <summary>To answer a prompt with one of the texts expected, exactly.</summary>
    ExactMatch,

    /// <summary>To find one of several continuations of a prompt the likeliest.</summary>
    MultipleChoice,

    /// <summary>To find a text likely.</summary>
    Perplexity,
}

/// <summary>A sample of a task.</summary>
/// <param name="Line">Its line in the file, from 1 on.</param>
/// <param name="Prompt">What the model is given; for <see cref="EvaluationKind.Perplexity"/> the text.</param>
/// <param name="Answers">The answers that are right; of a choice, the one.</param>
/// <param name="Choices">The continuations to choose from; empty where there is no choice.</param>
public sealed record EvaluationSample(
    int Line, string Prompt, IReadOnlyList<string> Answers, IReadOnlyList<string> Choices);

/// <summary>A file of samples of one kind, in JSON Lines.</summary>
/// <remarks>
/// A line is an object: <c>{"prompt": TEXT, "answer": TEXT or [TEXT, ...]}</c> for an exact match,
/// <c>{"prompt": TEXT, "choices": [TEXT, ...], "answer": NUMBER or TEXT}</c> for a choice, whose answer is the place of
/// the right one, from 0 on, or its text, and <c>{"text": TEXT}</c> for perplexity. Other keys are let alone. Empty
/// lines are skipped.
/// </remarks>
/// <param name="Name">The file's name without its extension.</param>
/// <param name="Kind">What it asks for.</param>
/// <param name="Samples">Its samples, one or more.</param>
public sealed record EvaluationTask(string Name, EvaluationKind Kind, IReadOnlyList<EvaluationSample> Samples)
{
    /// <summary>Reads a task.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="CheckpointFormatException">A line is no sample, or of another kind than the first; it is
    /// named.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static EvaluationTask Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new EvaluationTaskReader(path).Read();
    }
}
