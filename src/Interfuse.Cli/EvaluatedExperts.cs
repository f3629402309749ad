using Interfuse.Experts;
using Interfuse.Experts.Routing;

namespace Interfuse.Cli;

/// <summary>What of packs is to be evaluated; nothing means every expert.</summary>
/// <param name="Experts">Experts' names.</param>
/// <param name="Mixtures">Mixtures of experts.</param>
/// <param name="Shared">The model that the experts share.</param>
/// <param name="Routes">Whom the packs' routers send each sample to, by these policies.</param>
internal sealed record EvaluatedExperts(
    IReadOnlyList<string> Experts, IReadOnlyList<string> Mixtures, bool Shared, IReadOnlyList<RoutePolicy> Routes)
{
    /// <summary>Finds them in a model; a plain model is evaluated whatever is chosen.</summary>
    public IEnumerable<Answerer> Of(RunnableModel model)
    {
        if (model.Experts.Count == 0)
        {
            return [Answerer.Of(ExpertMix.Of(0))];
        }

        IEnumerable<ExpertMix> mixes =
        [
            .. Experts.Select(expert => ExpertMix.Of(model.FindExpert(expert))),
            .. Mixtures.Select(model.FindMix),
            .. Shared ? [ExpertMix.Shared] : Array.Empty<ExpertMix>(),
        ];
        PackRouter? router = Routes.Count > 0 ? model.OpenRouter() : null;
        Answerer[] chosen =
        [
            .. mixes.Distinct().Select(Answerer.Of),
            .. Routes.Distinct().Select(policy => new Answerer(Mix: null, router, policy)),
        ];
        return chosen.Length > 0
            ? chosen
            : Enumerable.Range(0, model.Experts.Count).Select(expert => Answerer.Of(ExpertMix.Of(expert)));
    }

    /// <summary>Says that a plain model has none of it.</summary>
    public void RefuseAt(RunnableModel plain)
    {
        if (Experts.Count > 0)
        {
            plain.FindExpert(Experts[0]);
        }
        else if (Mixtures.Count > 0)
        {
            plain.FindMix(Mixtures[0]);
        }
        else if (Shared)
        {
            plain.FindShared();
        }
        else if (Routes.Count > 0)
        {
            plain.OpenRouter();
        }
    }
}

/// <summary>Who answers samples: always the same, or whom a router sends each to.</summary>
/// <param name="Mix">Who; null where a router says so.</param>
/// <param name="Router">The router, or null.</param>
/// <param name="Policy">How the router decides.</param>
internal sealed record Answerer(ExpertMix? Mix, PackRouter? Router, RoutePolicy Policy)
{
    public static Answerer Of(ExpertMix mix) => new(mix, Router: null, Policy: default);
}
