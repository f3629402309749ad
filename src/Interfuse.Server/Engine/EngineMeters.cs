using System.Diagnostics;
using System.Diagnostics.Metrics;
using Interfuse.Experts.Routing;
using Interfuse.Server.Engine.Batching;

namespace Interfuse.Server.Engine;

/// <summary>What the engine measures, under <see cref="EngineTelemetry.Name"/>.</summary>
internal sealed class EngineMeters
{
    private readonly Counter<long> _requests;
    private readonly Counter<long> _promptTokens;
    private readonly Counter<long> _answerTokens;
    private readonly Histogram<int> _batch;
    private readonly Histogram<double> _firstToken;
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _confidence;
    private readonly Histogram<double> _uncertainty;

    /// <param name="factory">The host's meters.</param>
    public EngineMeters(IMeterFactory factory)
    {
        Meter = factory.Create(EngineTelemetry.Name);
        _requests = Meter.CreateCounter<long>(
            "interfuse.requests", "{request}", "Requests that ended, by model, expert and outcome.");
        _promptTokens = Meter.CreateCounter<long>("interfuse.prompt.tokens", "{token}", "Tokens of prompts that were read.");
        _answerTokens = Meter.CreateCounter<long>("interfuse.answer.tokens", "{token}", "Tokens of answers that ended.");
        _batch = Meter.CreateHistogram<int>(
            "interfuse.batch.size", "{answer}", "Answers that got a token in one step.",
            advice: new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64] });
        _firstToken = Seconds("interfuse.first_token.time", "From a request to the first token of its answer.");
        _duration = Seconds("interfuse.request.duration", "From a request to the end of its answer.");
        _confidence = Share("interfuse.router.confidence", "The probability of the expert that a router found likeliest.");
        _uncertainty = Share("interfuse.router.uncertainty", "The normalised entropy of a router's probabilities.");
    }

    /// <summary>The meter, for gauges of who has something to show.</summary>
    public Meter Meter { get; }

    /// <summary>A step of a model's batch.</summary>
    public void Step(string model, int answers) => _batch.Record(answers, new KeyValuePair<string, object?>("model", model));

    /// <summary>A router's decision.</summary>
    public void Routed(string model, RouteScores scores)
    {
        var tag = new KeyValuePair<string, object?>("model", model);
        _confidence.Record(scores.Probabilities[scores.Best], tag);
        _uncertainty.Record(scores.Uncertainty, tag);
    }

    /// <summary>The end of a request.</summary>
    /// <param name="model">The model.</param>
    /// <param name="request">The request.</param>
    /// <param name="outcome">A word for how it ended.</param>
    public void Ended(string model, AnswerRequest request, string outcome)
    {
        // Mixtures are without number; as one they are a series that can be kept.
        string expert = request.Generation.Mix is { IsSingle: false, IsShared: false } ? "mixture" : request.By?.Name ?? "";
        var tags = new TagList { { "model", model }, { "expert", expert } };
        if (request.End is { } end)
        {
            _promptTokens.Add(end.PromptTokens, tags);
            _answerTokens.Add(end.AnswerTokens, tags);
            _duration.Record(end.TotalTime.TotalSeconds, tags);
        }

        if (request.FirstTokenTime is { } first)
        {
            _firstToken.Record(first.TotalSeconds, tags);
        }

        tags.Add("outcome", outcome);
        _requests.Add(1, tags);
    }

    private Histogram<double> Seconds(string name, string description) => Meter.CreateHistogram(
        name, "s", description, advice: new InstrumentAdvice<double>
        {
            HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
        });

    private Histogram<double> Share(string name, string description) => Meter.CreateHistogram(
        name, "1", description, advice: new InstrumentAdvice<double>
        {
            HistogramBucketBoundaries = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99],
        });
}
