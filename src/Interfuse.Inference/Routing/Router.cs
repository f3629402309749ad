using Interfuse.Experts;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Models;
using Interfuse.Inference.Tokenization;

namespace Interfuse.Inference.Routing;

/// <summary>Decides for each prompt which experts of a pack answer it, once, before the first token.</summary>
/// <remarks>
/// Features are of the prompt's own text, as its tokenizer encodes it: no chat template or system message is part of
/// them, so a router serves both who uses one and who does not. Serves one thread at a time, as the decoder does.
/// </remarks>
public sealed class Router
{
    private readonly PackRouter _router;
    private readonly Decoder _decoder;
    private readonly Tokenizer _tokenizer;
    private readonly RouteMarks _marks;

    /// <summary>Makes a router for a pack that is loaded.</summary>
    /// <param name="router">The pack's router.</param>
    /// <param name="decoder">The pack, loaded.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="policy">How experts are chosen.</param>
    /// <param name="marks">What the policy goes by instead of the router's own marks.</param>
    /// <exception cref="InterfuseException">The router does not fit the model.</exception>
    /// <exception cref="ArgumentException">The marks are unsound.</exception>
    public Router(PackRouter router, Decoder decoder, Tokenizer tokenizer, RoutePolicy policy, RouteMarks? marks = null)
    {
        ArgumentNullException.ThrowIfNull(router);
        ArgumentNullException.ThrowIfNull(decoder);
        ArgumentNullException.ThrowIfNull(tokenizer);
        if (router.Experts.Count != decoder.ExpertCount || router.Width != decoder.Config.HiddenSize
            || router.Features.Depth > decoder.Config.LayerCount)
        {
            throw new InterfuseException(
                $"{decoder.Name}: has {decoder.ExpertCount} experts, {decoder.Config.LayerCount} layers and a hidden state of "
                + $"{decoder.Config.HiddenSize}, and its router was made for {router.Experts.Count} experts, at least "
                + $"{router.Features.Depth} layers and {router.Width}; train it again.");
        }

        if (marks?.Fault is { } fault)
        {
            throw new ArgumentException($"The marks are unsound: {fault}.", nameof(marks));
        }

        _router = router;
        _decoder = decoder;
        _tokenizer = tokenizer;
        Policy = policy;
        _marks = marks ?? router.Marks;
    }

    /// <summary>How experts are chosen.</summary>
    public RoutePolicy Policy { get; }

    /// <summary>Decides for a prompt.</summary>
    /// <param name="prompt">The prompt's text.</param>
    /// <exception cref="InterfuseException">The prompt is empty, or the model computes no numbers for it.</exception>
    public RouteDecision Route(string prompt) => Route([prompt])[0];

    /// <summary>Decides for prompts, each by itself.</summary>
    /// <param name="prompts">The prompts' texts.</param>
    /// <exception cref="InterfuseException">A prompt is empty, or the model computes no numbers for it.</exception>
    public IReadOnlyList<RouteDecision> Route(IReadOnlyList<string> prompts)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        return
        [
            .. FeaturesOf(prompts, _router.Features, _decoder, _tokenizer)
                .Select(features => RouteDecision.Of(Policy, _router.Score(features), _marks)),
        ];
    }

    /// <summary>The features of prompts.</summary>
    internal static IReadOnlyList<float[]> FeaturesOf(
        IReadOnlyList<string> prompts, RouterFeatures features, Decoder decoder, Tokenizer tokenizer)
    {
        ReadOnlyMemory<int>[] tokens = [.. prompts.Select(prompt => (ReadOnlyMemory<int>)tokenizer.Encode(prompt))];
        return decoder.Features(tokens, ExpertMix.Shared, features.Depth, features.MaxTokens);
    }
}
