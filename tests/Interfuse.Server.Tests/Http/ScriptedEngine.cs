using System.Runtime.CompilerServices;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Generation;
using Interfuse.Server.Engine;

namespace Interfuse.Server.Tests.Http;

/// <summary>An engine that answers as a test tells it to: slowly, never, or with a fault at any moment.</summary>
internal sealed class ScriptedEngine : IExpertEngine, IModelRegistry
{
    private readonly TaskCompletionSource _loaded = new();
    private List<ServedModel> _models = [Model("tiny", "add", "sort"), Model("base")];

    public ScriptedEngine() => _loaded.SetResult();

    /// <summary>What answers are made of; by default the words of a fixed sentence.</summary>
    public Func<EngineRequest, CancellationToken, IAsyncEnumerable<AnswerPiece>>? Script { get; set; }

    /// <summary>What was asked.</summary>
    public List<EngineRequest> Requests { get; } = [];

    /// <summary>What was to be loaded.</summary>
    public List<ModelSource> Sources { get; } = [];

    /// <summary>What loading throws.</summary>
    public Func<ModelSource, Exception>? LoadFault { get; set; }

    /// <summary>How many answers were left or taken back before their end.</summary>
    public int Left;

    public bool IsReady { get; set; } = true;

    public Task Loaded => _loaded.Task;

    public IReadOnlyList<ServedModel> Models => _models;

    public IReadOnlyList<ExpertName> Names =>
    [
        .. _models.SelectMany(model => model.Experts.Count == 0
            ? [new ExpertName(model.Name, model, ExpertNameKind.Plain)]
            : model.Experts.Select(expert => new ExpertName($"{model.Name}/{expert}", model, ExpertNameKind.Expert))
                .Append(new ExpertName($"{model.Name}/auto", model, ExpertNameKind.Auto))
                .Append(new ExpertName($"{model.Name}/shared", model, ExpertNameKind.Shared))),
    ];

    public ExpertName Find(string name) =>
        Names.FirstOrDefault(known => known.Id == name || known.Id.EndsWith($"/{name}", StringComparison.Ordinal))
        ?? throw new EngineException(EngineFault.UnknownModel, $"There is no model '{name}'.", nameof(EngineRequest.Model));

    public async IAsyncEnumerable<AnswerPiece> GenerateAsync(
        EngineRequest request, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        lock (Requests)
        {
            Requests.Add(request);
        }

        bool ended = false;
        try
        {
            IAsyncEnumerable<AnswerPiece> pieces = Script is null ? Words(request) : Script(request, cancellation);
            await foreach (AnswerPiece piece in pieces.WithCancellation(cancellation))
            {
                ended = piece.End is not null;
                yield return piece;
            }
        }
        finally
        {
            if (!ended)
            {
                Interlocked.Increment(ref Left);
            }
        }
    }

    public Task<float[]> EmbedAsync(string model, string prompt, CancellationToken cancellation = default) =>
        throw new NotSupportedException();

    public Task<RouteDecision> RouteAsync(
        string model, string prompt, RoutePolicy? policy = null, CancellationToken cancellation = default) =>
        throw new NotSupportedException();

    public ExpertMatrix OpenMatrix(string model, string tensor) => throw new NotSupportedException();

    public Task<ServedModel> LoadAsync(ModelSource source, CancellationToken cancellation = default)
    {
        Sources.Add(source);
        if (LoadFault is not null)
        {
            throw LoadFault(source);
        }

        ServedModel model = Model(source.Name ?? Path.GetFileName(source.Path)) with { Path = source.Path, IsPinned = source.IsPinned };
        _models = [.. _models, model];
        return Task.FromResult(model);
    }

    public Task UnloadAsync(string name, CancellationToken cancellation = default)
    {
        ServedModel model = Require(name);
        if (model.IsPinned)
        {
            throw new EngineException(EngineFault.BadRequest, $"'{name}' is pinned.");
        }

        _models = [.. _models.Where(known => known != model)];
        return Task.CompletedTask;
    }

    public ServedModel Pin(string name, bool isPinned)
    {
        ServedModel model = Require(name);
        ServedModel pinned = model with { IsPinned = isPinned };
        _models = [.. _models.Select(known => known == model ? pinned : known)];
        return pinned;
    }

    /// <summary>The piece that says who answers.</summary>
    public AnswerPiece First(EngineRequest request, string text = "") => new() { By = By(request), Text = text };

    /// <summary>The last piece.</summary>
    public static AnswerPiece Last(int tokens, FinishReason reason = FinishReason.EndOfText) => new()
    {
        End = new AnswerEnd(reason, 5, tokens, TimeSpan.FromMilliseconds(3), TimeSpan.FromMilliseconds(9)),
    };

    private AnsweredBy By(EngineRequest request)
    {
        ExpertName name = Find(request.Model);
        if (request.Mixture is { } mixture)
        {
            return new AnsweredBy(name.Model, mixture, Route: null);
        }

        if (name.Kind != ExpertNameKind.Auto)
        {
            return new AnsweredBy(name.Model, name.Id[(name.Id.IndexOf('/') + 1)..], Route: null);
        }

        var scores = new RouteScores([0.25, 0.75], Uncertainty: 0.5, Distance: 0.5);
        var route = RouteDecision.Of(request.Policy ?? RoutePolicy.Classifier, scores, RouteMarks.Default);
        return new AnsweredBy(name.Model, route.Mix.ToString(name.Model.Experts), route);
    }

    private async IAsyncEnumerable<AnswerPiece> Words(EngineRequest request)
    {
        await Task.Yield();
        string[] words = ["Hello", ", ", "wörld", "!"];
        yield return First(request);
        foreach (string word in words)
        {
            yield return new AnswerPiece { Text = word, Tokens = [Token(word, request.TopLogProbs)] };
        }

        yield return Last(words.Length);
    }

    private static AnswerToken Token(string text, int? top)
    {
        TokenLogProb chosen = new(1, System.Text.Encoding.UTF8.GetBytes(text), -0.5);
        TokenLogProb other = new(2, new byte[] { 0xc3 }, double.NegativeInfinity);
        TokenLogProb[] likeliest = [chosen, other];
        return new AnswerToken(1, text, top is { } most ? new TokenLogProbs(chosen, likeliest[..Math.Min(most, 2)]) : null);
    }

    private ServedModel Require(string name) => _models.Find(model => model.Name == name)
        ?? throw new EngineException(EngineFault.UnknownModel, $"There is no model '{name}'.");

    private static ServedModel Model(string name, params string[] experts) => new(
        name, "0123456789abcdef", $"/secret/{name}", experts, experts.Length > 0, HasChat: true, ContextLength: 256, Bytes: 1000,
        DateTimeOffset.UnixEpoch, IsPinned: false);
}
