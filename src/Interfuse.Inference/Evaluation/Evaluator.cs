using System.Text;
using Interfuse.Experts;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Chat;
using Interfuse.Inference.Generation;
using Interfuse.Inference.Routing;
using Interfuse.Inference.Tokenization;
using Decoder = Interfuse.Inference.Models.Decoder;

namespace Interfuse.Inference.Evaluation;

/// <summary>Puts tasks to a model.</summary>
/// <param name="decoder">The model.</param>
/// <param name="tokenizer">Its tokenizer.</param>
/// <param name="options">How tasks are put.</param>
public sealed class Evaluator(Decoder decoder, Tokenizer tokenizer, EvaluationOptions options)
{
    // Prompts between two looks at whether to go on.
    private const int RoutedTogether = 64;

    /// <summary>Puts a task to the model, or to one expert of it.</summary>
    /// <param name="task">The task.</param>
    /// <param name="expert">The expert; 0 for a plain model.</param>
    /// <param name="progress">Is told how many samples are done.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <exception cref="InterfuseException">A sample does not fit the model's context, or the model gives no
    /// numbers.</exception>
    /// <exception cref="OperationCanceledException">It was asked for.</exception>
    public EvaluationResult Evaluate(
        EvaluationTask task, int expert = 0, IProgress<int>? progress = null, CancellationToken cancellation = default) =>
        Evaluate(task, ExpertMix.Of(expert), progress, cancellation);

    /// <summary>Puts a task to an expert, a mixture of experts or the model they share.</summary>
    /// <param name="task">The task.</param>
    /// <param name="mix">Who answers.</param>
    /// <param name="progress">Is told how many samples are done.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <exception cref="InterfuseException">A sample does not fit the model's context, or the model gives no
    /// numbers.</exception>
    /// <exception cref="OperationCanceledException">It was asked for.</exception>
    public EvaluationResult Evaluate(
        EvaluationTask task, ExpertMix mix, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(mix);
        return Put(task, [.. task.Samples.Select(_ => mix)], progress, cancellation);
    }

    /// <summary>Puts each sample of a task to whom a router sends it, by its prompt; by its text where likelihoods of
    /// texts are asked for.</summary>
    /// <param name="task">The task.</param>
    /// <param name="router">The router.</param>
    /// <param name="progress">Is told how many samples are done.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <returns>The results, each sample's with its <see cref="SampleResult.Route"/>.</returns>
    /// <exception cref="InterfuseException">A sample does not fit the model's context, or the model gives no
    /// numbers.</exception>
    /// <exception cref="OperationCanceledException">It was asked for.</exception>
    public EvaluationResult Evaluate(
        EvaluationTask task, Router router, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(router);
        if (task.Samples.FirstOrDefault(sample => sample.Prompt.Length == 0) is { } empty)
        {
            throw new InterfuseException(
                $"{decoder.Name}: line {empty.Line} of the task '{task.Name}' has an empty prompt, which can't be routed.");
        }

        var routes = new List<RouteDecision>(task.Samples.Count);
        foreach (EvaluationSample[] stretch in task.Samples.Chunk(RoutedTogether))
        {
            cancellation.ThrowIfCancellationRequested();
            routes.AddRange(router.Route([.. stretch.Select(sample => sample.Prompt)]));
        }

        EvaluationResult result = Put(task, [.. routes.Select(route => route.Mix)], progress, cancellation);
        return result with { Samples = [.. result.Samples.Select((sample, i) => sample with { Route = routes[i] })] };
    }

    private EvaluationResult Put(
        EvaluationTask task, ExpertMix[] mixes, IProgress<int>? progress, CancellationToken cancellation) => task.Kind switch
        {
            EvaluationKind.ExactMatch => Answer(task, mixes, progress, cancellation),
            EvaluationKind.MultipleChoice => Choose(task, mixes, progress, cancellation),
            _ => Weigh(task, mixes, progress, cancellation),
        };

    private EvaluationResult Answer(
        EvaluationTask task, ExpertMix[] mixes, IProgress<int>? progress, CancellationToken cancellation)
    {
        GenerationRequest[] requests =
        [
            .. task.Samples.Select((sample, i) => new GenerationRequest(Fitting(task, sample, Prompt(sample), least: 1), mixes[i])
            {
                MaxTokens = options.MaxTokens,
                StopStrings = options.StopStrings,
            }),
        ];
        int done = 0;
        IReadOnlyList<GenerationResult> answers = new Generator(decoder, tokenizer).Run(
            requests, onDone: _ => progress?.Report(++done), cancellation: cancellation);
        SampleResult[] samples =
        [
            .. task.Samples.Select((sample, i) =>
            {
                string answer = answers[i].Text.Trim();
                return new SampleResult(sample, answer, sample.Answers.Any(right => right.Trim() == answer), []);
            }),
        ];
        return new EvaluationResult(task.Name, task.Kind, [new("exact_match", Share(samples))], samples);
    }

    private EvaluationResult Choose(
        EvaluationTask task, ExpertMix[] mixes, IProgress<int>? progress, CancellationToken cancellation)
    {
        var reader = new LikelihoodReader(decoder);
        var likelihoods = new double[task.Samples.Count][];
        int done = 0;
        for (int i = 0; i < task.Samples.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            EvaluationSample sample = task.Samples[i];
            double[] ofSample = likelihoods[i] = new double[sample.Choices.Count];
            int missing = sample.Choices.Count;
            for (int choice = 0; choice < sample.Choices.Count; choice++)
            {
                int place = choice;
                (int[] tokens, int from) = Continuation(sample, sample.Choices[choice]);
                reader.Add(Fitting(task, sample, tokens, least: 2), from, mixes[i], value =>
                {
                    ofSample[place] = value;
                    if (--missing == 0)
                    {
                        progress?.Report(++done);
                    }
                });
            }
        }

        reader.Finish();
        SampleResult[] samples =
        [
            .. task.Samples.Select((sample, i) => Chosen(sample, likelihoods[i], likelihoods[i])),
        ];
        IEnumerable<SampleResult> perByte = task.Samples.Select((sample, i) => Chosen(
            sample,
            likelihoods[i],
            [.. likelihoods[i].Select((value, choice) => value / Encoding.UTF8.GetByteCount(sample.Choices[choice]))]));
        return new EvaluationResult(
            task.Name,
            task.Kind,
            [new("accuracy", Share(samples)), new("accuracy_norm", Share([.. perByte]))],
            samples);
    }

    private EvaluationResult Weigh(
        EvaluationTask task, ExpertMix[] mixes, IProgress<int>? progress, CancellationToken cancellation)
    {
        var reader = new LikelihoodReader(decoder);
        var sums = new double[task.Samples.Count];
        long tokenCount = 0;
        long byteCount = 0;
        int window = Math.Min(options.WindowLength, decoder.Config.ContextLength);
        if (window < 2)
        {
            throw new InterfuseException(
                $"A text's tokens are read in stretches of {window}, and none has one before it then; 2 or more are needed.");
        }

        for (int i = 0; i < task.Samples.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            int place = i;
            int[] tokens = tokenizer.Encode(task.Samples[i].Prompt);
            byteCount += Encoding.UTF8.GetByteCount(task.Samples[i].Prompt);

            // A stretch begins with the last token of the one before, so that every token but the first counts once.
            for (int start = 0; start + 1 < tokens.Length; start += window - 1)
            {
                int end = Math.Min(start + window, tokens.Length);
                tokenCount += end - start - 1;
                reader.Add(tokens[start..end], 1, mixes[i], value => sums[place] += value);
            }

            progress?.Report(i + 1);
        }

        reader.Finish();
        if (tokenCount == 0)
        {
            throw new InterfuseException($"The task '{task.Name}' has no text of two tokens or more to find likely.");
        }

        double total = -sums.Sum();
        return new EvaluationResult(
            task.Name,
            task.Kind,
            [new("perplexity", Math.Exp(total / tokenCount)), new("bits_per_byte", total / Math.Log(2) / byteCount)],
            [.. task.Samples.Select((sample, i) => new SampleResult(sample, null, null, [sums[i]]))]);
    }

    private int[] Prompt(EvaluationSample sample) => options.Chat is { } chat
        ? tokenizer.Encode(chat.Render([new ChatMessage("user", sample.Prompt)], addGenerationPrompt: true), addSpecialTokens: false)
        : tokenizer.Encode(sample.Prompt);

    private int[] Fitting(EvaluationTask task, EvaluationSample sample, int[] tokens, int least)
    {
        int most = decoder.Config.ContextLength;
        string? fault = tokens.Length < least
            ? $"is a text of {tokens.Length} tokens, and {least} or more are needed; it is empty, or nearly so"
            : tokens.Length > most ? $"is a text of {tokens.Length} tokens, longer than the model's context of {most}; shorten it" : null;
        return fault is null
            ? tokens
            : throw new InterfuseException($"{decoder.Name}: line {sample.Line} of the task '{task.Name}' {fault}.");
    }

    // A choice is what its text adds to the prompt's tokens. Where the two grow together into other tokens, all from
    // the first one that differs counts.
    private (int[] Tokens, int From) Continuation(EvaluationSample sample, string choice)
    {
        int[] prompt = Prompt(sample);
        int[] tokens = options.Chat is null
            ? tokenizer.Encode(sample.Prompt + choice)
            : [.. prompt, .. tokenizer.Encode(choice, addSpecialTokens: false)];
        int common = prompt.AsSpan().CommonPrefixLength(tokens);
        return (tokens, Math.Max(1, Math.Min(common, tokens.Length - 1)));
    }

    private static SampleResult Chosen(EvaluationSample sample, double[] likelihoods, double[] scores)
    {
        string choice = sample.Choices[Array.IndexOf(scores, scores.Max())];
        return new SampleResult(sample, choice, sample.Answers.Contains(choice), likelihoods);
    }

    private static double Share(SampleResult[] samples) =>
        (double)samples.Count(sample => sample.Correct == true) / samples.Length;
}
