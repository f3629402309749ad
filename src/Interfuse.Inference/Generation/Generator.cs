using Interfuse.Compute;
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
    public const int MaxBatch = DeviceQueue.MaxBatch;

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
        var results = new GenerationResult[requests.Count];
        var active = new List<Answer>();
        int next = 0;
        try
        {
            while (next < requests.Count || active.Count > 0)
            {
                cancellation.ThrowIfCancellationRequested();
                var begun = new List<Answer>();
                while (active.Count < MaxBatch && next < requests.Count)
                {
                    int number = next++;
                    Action<string>? write = onText is null ? null : text => onText(number, text);
                    begun.Add(new Answer(decoder, tokenizer, number, requests[number], write));
                    active.Add(begun[^1]);
                }

                Advance(begun, [.. active.Except(begun)]);
                foreach (Answer answer in active.Where(answer => answer.Result is not null))
                {
                    results[answer.Number] = answer.Result!;
                    onDone?.Invoke(answer.Number);
                }

                active.RemoveAll(answer => answer.Result is not null);
            }
        }
        finally
        {
            active.ForEach(answer => answer.Dispose());
        }

        return results;
    }

    private void Advance(List<Answer> begun, List<Answer> active)
    {
        int length = decoder.Config.ContextLength;
        if (active.Count > 0)
        {
            decoder.Step(
                [.. active.Select(answer => answer.Sequence)],
                active.Select(answer => answer.Last).ToArray(),
                (reading, _, logits) => active[reading].Continue(logits, length));
        }

        if (begun.Count > 0)
        {
            decoder.Read(
                [.. begun.Select(answer => answer.Prompt)],
                (reading, _, logits) => begun[reading].Continue(logits, length));
        }
    }
}
