using Interfuse.Compute;
using Interfuse.Inference.Models;
using Interfuse.Inference.Tokenization;

namespace Interfuse.Inference.Generation;

/// <summary>
/// Answers that are made together, a token of each at a time (continuous batching: Yu et al., 2022). New ones join between two
/// tokens, and those that end or are taken out leave at once.
/// </summary>
/// <remarks>
/// An answer is the same whatever else is answered at the time, and in however many parts its prompt is read. Serves one thread
/// at a time, like the decoder, which nobody else may use meanwhile. Readers must not change the batch: what they call of
/// it throws <see cref="InvalidOperationException"/>, and that ends their answer.
/// </remarks>
/// <param name="decoder">The model; it is not disposed of.</param>
/// <param name="tokenizer">Its tokenizer.</param>
public sealed class AnswerBatch(Decoder decoder, Tokenizer tokenizer) : IDisposable
{
    /// <summary>The most answers that are in the making at once.</summary>
    public const int MaxAnswers = DeviceQueue.MaxBatch;

    // In the order in which they came.
    private readonly List<Answer> _answers = [];

    // Used again by every call, so that going on with the same answers allocates nothing.
    private readonly List<Answer> _waiting = [];
    private readonly List<Answer> _read = [];
    private readonly List<DecoderSequence> _sequences = [];
    private readonly List<Reading> _prompts = [];
    private readonly int[] _tokens = new int[MaxAnswers];
    private readonly SamplingMemory _memory = new();
    private LogitsHandler? _continue;
    private bool _isAtWork;

    /// <summary>The answers in the making.</summary>
    public int Count => _answers.Count;

    /// <summary>Begins an answer; its prompt is read by the next calls of <see cref="Advance"/>.</summary>
    /// <param name="request">The request.</param>
    /// <param name="reader">Who takes the answer while it comes, or null.</param>
    /// <exception cref="InvalidOperationException">There are <see cref="MaxAnswers"/> already.</exception>
    /// <exception cref="ArgumentException">The request has a value outside its range, there is no such expert, or the prompt is
    /// empty.</exception>
    /// <exception cref="InterfuseException">The prompt does not fit the model, or there are too many other mixtures in
    /// use.</exception>
    /// <exception cref="OutOfDeviceMemoryException">The device is full.</exception>
    public Answer Add(GenerationRequest request, IAnswerReader? reader = null)
    {
        ArgumentNullException.ThrowIfNull(request);
        CheckIdle();
        if (_answers.Count == MaxAnswers)
        {
            throw new InvalidOperationException($"{MaxAnswers} answers are in the making, and a batch holds no more.");
        }

        var answer = new Answer(decoder, tokenizer, request, reader, _memory);
        _answers.Add(answer);
        return answer;
    }

    /// <summary>Takes an answer out before its end; its reader is told nothing. One that has left already stays as it
    /// is.</summary>
    public void Remove(Answer answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        CheckIdle();
        if (_answers.Remove(answer))
        {
            answer.Leave();
        }
    }

    /// <summary>
    /// Chooses one more token for every answer whose prompt has been read, and reads more of the prompts, the oldest answer's
    /// first; a prompt that is complete gets the first token of its answer. Answers that are over leave the batch.
    /// </summary>
    /// <param name="promptTokens">The most tokens of prompts that are read, 0 or more: what bounds the time that answers have to
    /// wait for long prompts.</param>
    /// <exception cref="OutOfDeviceMemoryException">The device is full. Each answer either has got its token or has not changed,
    /// and the call may be repeated, as a rule with fewer answers.</exception>
    public void Advance(int promptTokens = int.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(promptTokens);
        CheckIdle();
        _isAtWork = true;
        try
        {
            // Those whose first token comes now have their second the next time.
            _waiting.Clear();
            _read.Clear();
            foreach (Answer answer in _answers)
            {
                (answer.PromptTokensLeft > 0 ? _waiting : _read).Add(answer);
            }

            Step();
            ReadPrompts(promptTokens);
        }
        finally
        {
            _isAtWork = false;
            _answers.RemoveAll(static answer => answer.IsOver);
        }
    }

    /// <summary>Takes all answers out.</summary>
    public void Dispose()
    {
        _answers.ForEach(answer => answer.Leave());
        _answers.Clear();
    }

    private void Step()
    {
        if (_read.Count == 0)
        {
            return;
        }

        _sequences.Clear();
        foreach (Answer answer in _read)
        {
            _tokens[_sequences.Count] = answer.Last;
            _sequences.Add(answer.Sequence);
        }

        decoder.Step(_sequences, _tokens.AsMemory(0, _sequences.Count), _continue ??= Continue);
    }

    private void ReadPrompts(int most)
    {
        _read.Clear();
        _prompts.Clear();
        foreach (Answer answer in _waiting)
        {
            if (most > 0)
            {
                _prompts.Add(answer.NextOfPrompt(most));
                _read.Add(answer);
                most -= _prompts[^1].Tokens.Length;
            }
        }

        if (_prompts.Count > 0)
        {
            decoder.Read(_prompts, _continue ??= Continue);
        }
    }

    private void Continue(int reading, int token, ReadOnlySpan<float> logits) =>
        _read[reading].Continue(logits, decoder.Config.ContextLength);

    private void CheckIdle()
    {
        if (_isAtWork)
        {
            throw new InvalidOperationException("A batch is changed between two tokens, not by those who read its answers.");
        }
    }
}
