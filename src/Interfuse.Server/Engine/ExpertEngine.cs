using System.Diagnostics;
using System.Runtime.CompilerServices;
using Interfuse.Experts;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Chat;
using Interfuse.Inference.Generation;
using Interfuse.Server.Engine.Batching;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Engine;

/// <summary>Checks requests and hands them to the threads of their models.</summary>
internal sealed class ExpertEngine(ModelRegistry registry, IOptions<InterfuseOptions> options, TimeProvider clock) : IExpertEngine
{
    private readonly InterfuseOptions _options = options.Value;

    /// <inheritdoc/>
    public IReadOnlyList<ExpertName> Names => registry.Names;

    /// <inheritdoc/>
    public ExpertName Find(string name) => registry.Find(name);

    /// <inheritdoc/>
    public async IAsyncEnumerable<AnswerPiece> GenerateAsync(
        EngineRequest request, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        using Activity? activity = EngineTelemetry.Source.StartActivity("interfuse.generate");
        activity?.SetTag("interfuse.model", request.Model);
        AnswerRequest running = Submit(request);
        using CancellationTokenRegistration registration = cancellation.UnsafeRegister(
            static running => ((AnswerRequest)running!).TakeBack(), running);
        try
        {
            await foreach (AnswerPiece piece in running.Pieces.ReadAllAsync(cancellation))
            {
                if (piece.By is { } by)
                {
                    activity?.SetTag("interfuse.expert", by.Name);
                }

                yield return piece;
            }
        }
        finally
        {
            running.TakeBack();
        }
    }

    /// <inheritdoc/>
    public async Task<float[]> EmbedAsync(string model, string prompt, CancellationToken cancellation = default) =>
        (await FeaturesAsync(model, prompt, cancellation)).Features;

    /// <inheritdoc/>
    public async Task<RouteDecision> RouteAsync(
        string model, string prompt, RoutePolicy? policy = null, CancellationToken cancellation = default)
    {
        (float[] features, PackRouter router) = await FeaturesAsync(model, prompt, cancellation);
        return RouteDecision.Of(policy ?? _options.Policy, router.Score(features), router.Marks);
    }

    /// <inheritdoc/>
    public ExpertMatrix OpenMatrix(string model, string tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        LoadedModel loaded = registry.EnterModel(model);
        try
        {
            return loaded.OpenMatrix(tensor);
        }
        catch
        {
            loaded.Leave();
            throw;
        }
    }

    private AnswerRequest Submit(EngineRequest request)
    {
        (ExpertName name, LoadedModel model) = registry.Enter(request.Model);
        try
        {
            AnswerRequest running = Prepare(request, name, model);
            model.Loop.Submit(running);
            return running;
        }
        catch
        {
            model.Leave();
            throw;
        }
    }

    private AnswerRequest Prepare(EngineRequest request, ExpertName name, LoadedModel model)
    {
        var time = new RequestTime(clock, Deadline(request.Deadline));
        ReadOnlyMemory<int> tokens = Tokens(request.Prompt, model);
        ExpertMix? mix = MixOf(request, name, model);
        var generation = new GenerationRequest(tokens, mix ?? ExpertMix.Shared)
        {
            MaxTokens = MaxTokens(request, tokens.Length, model),
            Sampling = request.Sampling,
            StopStrings = request.StopStrings,
            IgnoreEndOfText = request.IgnoreEndOfText,
            TopLogProbs = request.TopLogProbs,
        };
        Check(generation, model);
        AnswerRoute? route = mix is null
            ? new AnswerRoute(RoutedTokens(request.Prompt, tokens, model), request.Policy ?? _options.Policy)
            : null;
        string turn = route is null ? mix!.ToString() : NameTable.Auto;
        return new AnswerRequest(model.Served, generation, route, turn, time, model.Leave);
    }

    private TimeSpan Deadline(TimeSpan? asked) => asked switch
    {
        null => _options.Deadline,
        { } time when time <= TimeSpan.Zero => throw EngineErrors.Bad(
            nameof(EngineRequest.Deadline), "The time that an answer may take must be above 0."),
        { } time => time < _options.Deadline ? time : _options.Deadline,
    };

    private static ReadOnlyMemory<int> Tokens(EnginePrompt prompt, LoadedModel model)
    {
        ReadOnlyMemory<int> tokens = prompt switch
        {
            { Text: { } text } => model.Tokenizer.Encode(text),
            { Messages: { } messages } => model.Tokenizer.Encode(Render(messages, model), addSpecialTokens: false),
            _ => prompt.Tokens!.Value,
        };
        CheckTokens(tokens.Span, nameof(EngineRequest.Prompt), model);
        return tokens.IsEmpty
            ? throw EngineErrors.Bad(nameof(EngineRequest.Prompt), "The prompt is empty; give it a token at least.")
            : tokens;
    }

    private static string Render(IReadOnlyList<ChatMessage> messages, LoadedModel model)
    {
        if (model.Chat is null)
        {
            throw EngineErrors.Bad(
                nameof(EngineRequest.Prompt),
                $"'{model.Served.Name}' has no chat template that is known, so it takes no conversations; give it a plain prompt.");
        }

        try
        {
            return model.Chat.Render(messages);
        }
        catch (InterfuseException fault)
        {
            throw EngineErrors.Bad(nameof(EngineRequest.Prompt), $"The conversation does not fit the model: {fault.Message}.");
        }
    }

    // Who answers; null where a router is to say.
    private static ExpertMix? MixOf(EngineRequest request, ExpertName name, LoadedModel model)
    {
        IReadOnlyList<string> experts = model.Served.Experts;
        if (request.Mixture is { } mixture)
        {
            if (name.Kind == ExpertNameKind.Plain)
            {
                throw EngineErrors.Bad(
                    nameof(EngineRequest.Mixture), $"'{name.Id}' is a plain model, and has no experts to mix.");
            }

            try
            {
                return ExpertMix.Parse(mixture, experts);
            }
            catch (InterfuseException fault)
            {
                throw EngineErrors.Bad(nameof(EngineRequest.Mixture), fault.Message);
            }
        }

        return name.Kind switch
        {
            ExpertNameKind.Plain => ExpertMix.Of(0),
            ExpertNameKind.Shared => ExpertMix.Shared,
            ExpertNameKind.Auto => null,
            _ => ExpertMix.Of(experts.ToList().IndexOf(name.Id[(model.Served.Name.Length + 1)..])),
        };
    }

    private int MaxTokens(EngineRequest request, int prompt, LoadedModel model)
    {
        int context = model.Served.ContextLength;
        int most = _options.MaxPromptTokens > 0 ? Math.Min(_options.MaxPromptTokens, context - 1) : context - 1;
        if (prompt > most)
        {
            throw EngineErrors.Bad(
                nameof(EngineRequest.Prompt), $"The prompt is {prompt} tokens long, and {most} are the most; shorten it.");
        }

        int asked = request.MaxTokens ?? Math.Min(_options.DefaultAnswerTokens, _options.MaxAnswerTokens);
        return asked <= _options.MaxAnswerTokens
            ? asked
            : throw EngineErrors.Bad(
                nameof(EngineRequest.MaxTokens),
                $"The answer may be {asked} tokens long, and {_options.MaxAnswerTokens} are the most; ask for fewer.");
    }

    private void Check(GenerationRequest generation, LoadedModel model)
    {
        try
        {
            generation.Check();
        }
        catch (ArgumentException fault)
        {
            throw EngineErrors.Bad(fault.ParamName ?? "", $"'{fault.ParamName}' is outside its range, or unfit.");
        }

        CheckTokens([.. generation.Sampling.LogitBias.Keys], nameof(generation.Sampling.LogitBias), model);
        if (model.Loop.CacheBytesOf(generation) > _options.CacheBytes)
        {
            throw EngineErrors.Bad(
                nameof(EngineRequest.MaxTokens),
                "The prompt and its longest answer need more memory than the server has for keys and values; ask for less.");
        }
    }

    private static void CheckTokens(ReadOnlySpan<int> tokens, string parameter, LoadedModel model)
    {
        foreach (int token in tokens)
        {
            if (token < 0 || token >= model.VocabularySize)
            {
                throw EngineErrors.Bad(
                    parameter, $"The model has no token {token}; its tokens are 0 to {model.VocabularySize - 1}.");
            }
        }
    }

    // What a router has learned is prompts without a template around them.
    private static ReadOnlyMemory<int> RoutedTokens(EnginePrompt prompt, ReadOnlyMemory<int> tokens, LoadedModel model)
    {
        string? text = prompt.Text ?? prompt.Messages?.LastOrDefault(message => message.Role == "user")?.Content;
        ReadOnlyMemory<int> routed = text is null ? tokens : model.Tokenizer.Encode(text);
        CheckTokens(routed.Span, nameof(EngineRequest.Prompt), model);
        return text is { Length: 0 } || routed.IsEmpty
            ? throw EngineErrors.Bad(
                nameof(EngineRequest.Prompt), "The prompt to be routed is empty; give it a text, or name an expert.")
            : routed;
    }

    private async Task<(float[] Features, PackRouter Router)> FeaturesAsync(
        string model, string prompt, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        LoadedModel loaded = registry.EnterModel(model);
        FeatureRequest request;
        PackRouter router;
        try
        {
            router = loaded.Router ?? throw EngineErrors.Bad(
                nameof(EngineRequest.Model), $"'{model}' has no router; train one, or name an expert.");
            ReadOnlyMemory<int> tokens = RoutedTokens(EnginePrompt.Of(prompt), default, loaded);
            request = new FeatureRequest(tokens, new RequestTime(clock, _options.Deadline), loaded.Leave);
            loaded.Loop.Submit(request);
        }
        catch
        {
            loaded.Leave();
            throw;
        }

        using CancellationTokenRegistration registration = cancellation.UnsafeRegister(
            static request => ((FeatureRequest)request!).TakeBack(), request);
        return (await request.Features.WaitAsync(cancellation), router);
    }
}
