using System.Threading.Channels;
using Interfuse.Experts;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Generation;

namespace Interfuse.Server.Engine.Batching;

/// <summary>A prompt that is to be answered. Its pieces wait for their reader for as long as that takes.</summary>
/// <param name="model">The model that is asked.</param>
/// <param name="generation">What is to be generated; whose the mixture is, unless a router is asked.</param>
/// <param name="route">What a router is to go by, or null.</param>
/// <param name="turn">Whose turn it is.</param>
/// <param name="time">Its time.</param>
/// <param name="release">Is called once, when the loop has done with it.</param>
internal sealed class AnswerRequest(
    ServedModel model, GenerationRequest generation, AnswerRoute? route, string turn, RequestTime time, Action release)
    : LoopRequest(turn, time, release), IAnswerReader
{
    // A whole answer fits: there are no more pieces than tokens that it may have, and one.
    private readonly Channel<AnswerPiece> _pieces = Channel.CreateUnbounded<AnswerPiece>(
        new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    private AnsweredBy? _by;
    private bool _isByTold;
    private TimeSpan? _firstToken;

    /// <summary>The answer, as it comes.</summary>
    public ChannelReader<AnswerPiece> Pieces => _pieces.Reader;

    /// <summary>What is to be generated.</summary>
    public GenerationRequest Generation { get; private set; } = generation;

    public override ReadOnlyMemory<int> RoutedTokens => route?.Tokens ?? default;

    /// <summary>Who answers; null until that is decided.</summary>
    public AnsweredBy? By => _by;

    /// <summary>The time until the first token, or null before it.</summary>
    public TimeSpan? FirstTokenTime => _firstToken;

    /// <summary>How it ended, or null.</summary>
    public AnswerEnd? End { get; private set; }

    /// <summary>Decides who answers, by what the router made of the prompt.</summary>
    /// <exception cref="InvalidOperationException">No router is asked.</exception>
    public void Route(RouteScores scores, RouteMarks marks)
    {
        var decision = RouteDecision.Of((route ?? throw new InvalidOperationException()).Policy, scores, marks);
        Generation = Generation with { Mix = decision.Mix };
        _by = new AnsweredBy(model, NameOf(decision.Mix), decision);
    }

    public void OnToken(in AnswerToken token)
    {
        _firstToken ??= Time.Elapsed;
        if (!_isByTold || token.Text.Length > 0 || token.LogProbs is not null)
        {
            Write(new AnswerPiece { Text = token.Text, Tokens = token.LogProbs is null ? [] : [token] });
        }
    }

    public void OnEnd(GenerationResult result, string text)
    {
        _firstToken ??= Time.Elapsed;
        End = new AnswerEnd(
            result.Reason, Generation.Prompt.Length, result.Tokens.Count, _firstToken.Value, Time.Elapsed);
        Write(new AnswerPiece { Text = text, End = End });
        _pieces.Writer.Complete();
    }

    public void OnFault(Exception fault) => Tell(fault);

    protected override void Tell(Exception fault) => _pieces.Writer.TryComplete(fault);

    private void Write(AnswerPiece piece)
    {
        if (!_isByTold)
        {
            _isByTold = true;
            _by ??= new AnsweredBy(model, NameOf(Generation.Mix), Route: null);
            piece = piece with { By = _by };
        }

        _pieces.Writer.TryWrite(piece);
    }

    private string NameOf(ExpertMix mix) => model.Experts.Count == 0 ? model.Name : mix.ToString(model.Experts);
}

/// <summary>What a router goes by.</summary>
/// <param name="Tokens">The prompt's own text.</param>
/// <param name="Policy">How it decides.</param>
internal sealed record AnswerRoute(ReadOnlyMemory<int> Tokens, RoutePolicy Policy);
