using System.Diagnostics;
using Interfuse.Inference.Models;
using Interfuse.Inference.Tokenization;

namespace Interfuse.Inference.Generation;

/// <summary>An answer in the making, in an <see cref="AnswerBatch"/>.</summary>
public sealed class Answer
{
    // Tokens that there is room for from the beginning, if so many may come.
    private const int UsualTokens = 4096;

    private readonly Tokenizer _tokenizer;
    private readonly Sampler _sampler;
    private readonly LogProbReader? _logProbs;
    private readonly StreamingDecoder _text;
    private readonly StopScanner _scanner;
    private readonly IAnswerReader? _reader;
    private readonly List<int> _tokens;

    // Whether anybody looks at the text before the end.
    private readonly bool _isTextRead;
    private readonly System.Text.StringBuilder _written = new();
    private readonly long _begin = Stopwatch.GetTimestamp();
    private TimeSpan? _promptTime;

    internal Answer(
        Decoder decoder, Tokenizer tokenizer, GenerationRequest request, IAnswerReader? reader, SamplingMemory memory)
    {
        request.Check();
        decoder.CheckText(request.Prompt.Span);
        foreach (int token in request.Sampling.LogitBias.Keys)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(
                token, decoder.Config.VocabularySize, nameof(SamplingOptions.LogitBias));
        }

        CheckBiases(request.Sampling, decoder.Config.VocabularySize);
        _tokenizer = tokenizer;
        _reader = reader;
        _sampler = new Sampler(request.Sampling, request.Stream, request.Prompt.Span, memory);
        _logProbs = request.TopLogProbs is { } count ? new LogProbReader(tokenizer, count) : null;
        _text = tokenizer.StartDecoding();
        _scanner = new StopScanner(request.StopStrings);
        _isTextRead = reader is not null || request.StopStrings.Count > 0;
        long most = Math.Min(request.MaxTokens, (long)decoder.Config.ContextLength - request.Prompt.Length + 1);
        _tokens = new List<int>((int)Math.Min(most, UsualTokens));
        Request = request;
        Sequence = decoder.Start(request.Mix);
    }

    /// <summary>What is answered.</summary>
    public GenerationRequest Request { get; }

    /// <summary>The tokens of the prompt that are not read yet.</summary>
    public int PromptTokensLeft => Math.Max(0, Request.Prompt.Length - Sequence.Length);

    /// <summary>The tokens of the answer so far.</summary>
    public int TokenCount => _tokens.Count;

    /// <summary>The finished answer, or null while it goes on and where it came to nothing.</summary>
    public GenerationResult? Result { get; private set; }

    /// <summary>What ended the answer before its time: the model gives no numbers, or its reader threw; or null.</summary>
    public Exception? Fault { get; private set; }

    /// <summary>Whether it has left the batch, or is about to.</summary>
    public bool IsOver => Sequence.IsDisposed;

    internal DecoderSequence Sequence { get; }

    /// <summary>The token that was chosen last, to be read next.</summary>
    internal int Last => _tokens[^1];

    /// <summary>Some more of the prompt, to be read.</summary>
    internal Reading NextOfPrompt(int most)
    {
        int count = Math.Min(PromptTokensLeft, most);
        return new Reading(
            Sequence,
            Request.Prompt.Slice(Sequence.Length, count),
            count < PromptTokensLeft ? Reading.NoLogits : int.MaxValue)
        {
            TextLength = Request.Prompt.Length,
        };
    }

    /// <summary>Chooses the next token, tells the reader, and finds out whether it is the last.</summary>
    /// <param name="logits">The logits after what has been read.</param>
    /// <param name="contextLength">The model's.</param>
    internal void Continue(ReadOnlySpan<float> logits, int contextLength)
    {
        _promptTime ??= Stopwatch.GetElapsedTime(_begin);
        int token;
        TokenLogProbs? logProbs;
        try
        {
            token = _sampler.Choose(logits);
            logProbs = _logProbs?.Read(logits, token);
        }
        catch (InterfuseException fault)
        {
            Leave();
            Fault = fault;
            Tell(static (reader, fault) => reader.OnFault(fault), fault);
            return;
        }

        if (!Request.IgnoreEndOfText && IsEndOfText(token))
        {
            End(FinishReason.EndOfText);
            return;
        }

        _tokens.Add(token);
        if (_isTextRead)
        {
            string text = _scanner.Append(_text.Append(token));
            _written.Append(text);
            Tell(static (reader, token) => reader.OnToken(token), new AnswerToken(token, text, logProbs));
            if (IsOver)
            {
                return;
            }
        }

        if (_scanner.Stopped)
        {
            End(FinishReason.StopString);
        }
        else if (_tokens.Count == Request.MaxTokens)
        {
            End(FinishReason.MaxTokens);
        }
        else if (Request.Prompt.Length + _tokens.Count >= contextLength)
        {
            End(FinishReason.ContextFull);
        }
    }

    /// <summary>Gives its part of the cache back.</summary>
    internal void Leave() => Sequence.Dispose();

    private static void CheckBiases(SamplingOptions options, int vocabulary)
    {
        foreach (int token in options.LogitBias.Keys)
        {
            if (token >= vocabulary)
            {
                throw new ArgumentException($"There is no token {token} among {vocabulary} to give a bias to.", nameof(options));
            }
        }
    }

    private bool IsEndOfText(int token)
    {
        IReadOnlyList<int> ends = _tokenizer.EndOfText;
        for (int i = 0; i < ends.Count; i++)
        {
            if (ends[i] == token)
            {
                return true;
            }
        }

        return false;
    }

    private void End(FinishReason reason)
    {
        Leave();

        if (!_isTextRead)
        {
            _tokens.ForEach(token => _written.Append(_text.Append(token)));
        }

        // The last bytes of a character that will not be completed may still complete a stop string.
        string text = _scanner.Append(_text.Finish()) + _scanner.Finish();
        _written.Append(text);
        TimeSpan promptTime = _promptTime.GetValueOrDefault();
        Result = new GenerationResult(_tokens, _written.ToString(), _scanner.Stopped ? FinishReason.StopString : reason)
        {
            PromptTime = promptTime,
            AnswerTime = Stopwatch.GetElapsedTime(_begin) - promptTime,
        };
        Tell(static (reader, end) => reader.OnEnd(end.Result, end.Text), (Result, Text: text));
    }

    // A reader's mistake is its own: others' answers go on.
    private void Tell<T>(Action<IAnswerReader, T> tell, T what)
    {
        if (_reader is null)
        {
            return;
        }

        try
        {
            tell(_reader, what);
        }
#pragma warning disable CA1031 // Whatever a reader throws is kept for whoever asks for the answer.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            Leave();
            Fault ??= fault;
        }
    }
}
