using System.Diagnostics;
using Interfuse.Inference.Models;
using Interfuse.Inference.Tokenization;

namespace Interfuse.Inference.Generation;

/// <summary>An answer in the making.</summary>
internal sealed class Answer : IDisposable
{
    private readonly Tokenizer _tokenizer;
    private readonly GenerationRequest _request;
    private readonly Sampler _sampler;
    private readonly StreamingDecoder _text;
    private readonly StopScanner _scanner;
    private readonly Action<string>? _onText;
    private readonly List<int> _tokens = [];
    private readonly System.Text.StringBuilder _written = new();
    private readonly long _begin = Stopwatch.GetTimestamp();
    private TimeSpan? _promptTime;

    public Answer(Decoder decoder, Tokenizer tokenizer, int number, GenerationRequest request, Action<string>? onText)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(request.MaxTokens, 1);
        _tokenizer = tokenizer;
        _request = request;
        _onText = onText;
        Number = number;
        _sampler = new Sampler(request.Sampling, request.Stream, request.Prompt.Span);
        _text = tokenizer.StartDecoding();
        _scanner = new StopScanner(request.StopStrings);
        Sequence = decoder.Start(request.Mix);
    }

    /// <summary>The request's number.</summary>
    public int Number { get; }

    public DecoderSequence Sequence { get; }

    /// <summary>The prompt, to be read.</summary>
    public Reading Prompt => new(Sequence, _request.Prompt);

    /// <summary>The token that was chosen last, to be read next.</summary>
    public int Last => _tokens[^1];

    /// <summary>The finished answer, or null while it goes on.</summary>
    public GenerationResult? Result { get; private set; }

    /// <summary>Chooses the next token and finds out whether it is the last.</summary>
    /// <param name="logits">The logits after what has been read.</param>
    /// <param name="contextLength">The model's.</param>
    public void Continue(ReadOnlySpan<float> logits, int contextLength)
    {
        _promptTime ??= Stopwatch.GetElapsedTime(_begin);
        int token = _sampler.Choose(logits);
        if (!_request.IgnoreEndOfText && _tokenizer.EndOfText.Contains(token))
        {
            End(FinishReason.EndOfText);
            return;
        }

        _tokens.Add(token);
        Write(_scanner.Append(_text.Append(token)));
        if (_scanner.Stopped)
        {
            End(FinishReason.StopString);
        }
        else if (_tokens.Count == _request.MaxTokens)
        {
            End(FinishReason.MaxTokens);
        }
        else if (_request.Prompt.Length + _tokens.Count >= contextLength)
        {
            End(FinishReason.ContextFull);
        }
    }

    public void Dispose() => Sequence.Dispose();

    private void End(FinishReason reason)
    {
        // The last bytes of a character that will not be completed may still complete a stop string.
        Write(_scanner.Append(_text.Finish()));
        Write(_scanner.Finish());
        reason = _scanner.Stopped ? FinishReason.StopString : reason;
        TimeSpan promptTime = _promptTime.GetValueOrDefault();
        Result = new GenerationResult(_tokens, _written.ToString(), reason)
        {
            PromptTime = promptTime,
            AnswerTime = Stopwatch.GetElapsedTime(_begin) - promptTime,
        };
        Sequence.Dispose();
    }

    private void Write(string text)
    {
        if (text.Length > 0)
        {
            _written.Append(text);
            _onText?.Invoke(text);
        }
    }
}
