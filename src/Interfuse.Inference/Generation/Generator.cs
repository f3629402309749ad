using System.Runtime.ExceptionServices;
using Interfuse.Inference.Models;
using Interfuse.Inference.Tokenization;

namespace Interfuse.Inference.Generation;

/// <summary>Answers prompts, several at a time.</summary>
/// <remarks>An answer is the same whatever else is answered at the time.</remarks>
/// <param name="decoder">The model.</param>
/// <param name="tokenizer">Its tokenizer.</param>
public sealed class Generator(Decoder decoder, Tokenizer tokenizer)
{
    /// <summary>The most answers that are in the making at once.</summary>
    public const int MaxBatch = AnswerBatch.MaxAnswers;

    /// <summary>Answers every request.</summary>
    /// <param name="requests">The requests, of any mixtures of experts and any lengths.</param>
    /// <param name="onText">Is given each piece of text as it comes, with the number of its request.</param>
    /// <param name="onDone">Is given the number of each request that is answered.</param>
    /// <param name="cancellation">Ends the work between two tokens.</param>
    /// <returns>An answer for each request.</returns>
    /// <exception cref="InterfuseException">A prompt does not fit the model, or the model gives no numbers.</exception>
    /// <exception cref="OperationCanceledException">It was asked for.</exception>
    public IReadOnlyList<GenerationResult> Run(
        IReadOnlyList<GenerationRequest> requests,
        Action<int, string>? onText = null,
        Action<int>? onDone = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        var answers = new Answer[requests.Count];
        using var batch = new AnswerBatch(decoder, tokenizer);
        int next = 0;
        while (next < requests.Count || batch.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            while (batch.Count < MaxBatch && next < requests.Count)
            {
                answers[next] = batch.Add(requests[next], new Listener(next, onText, onDone));
                next++;
            }

            batch.Advance();
            if (Array.Find(answers, answer => answer?.Fault is not null) is { } failed)
            {
                ExceptionDispatchInfo.Throw(failed.Fault!);
            }
        }

        return [.. answers.Select(answer => answer.Result!)];
    }

    private sealed class Listener(int number, Action<int, string>? onText, Action<int>? onDone) : IAnswerReader
    {
        public void OnToken(in AnswerToken token) => Write(token.Text);

        public void OnEnd(GenerationResult result, string text)
        {
            Write(text);
            onDone?.Invoke(number);
        }

        public void OnFault(Exception fault)
        {
        }

        private void Write(string text)
        {
            if (text.Length > 0)
            {
                onText?.Invoke(number, text);
            }
        }
    }
}
