using Interfuse.Experts;

namespace Interfuse.Cli;

/// <summary>What of packs is to be evaluated; nothing means every expert.</summary>
/// <param name="Experts">Experts' names.</param>
/// <param name="Mixtures">Mixtures of experts.</param>
/// <param name="Shared">The model that the experts share.</param>
internal sealed record EvaluatedExperts(IReadOnlyList<string> Experts, IReadOnlyList<string> Mixtures, bool Shared)
{
    /// <summary>Finds them in a model; a plain model is evaluated whatever is chosen.</summary>
    public IEnumerable<ExpertMix> Of(RunnableModel model)
    {
        if (model.Experts.Count == 0)
        {
            return [ExpertMix.Of(0)];
        }

        ExpertMix[] chosen =
        [
            .. Experts.Select(expert => ExpertMix.Of(model.FindExpert(expert))),
            .. Mixtures.Select(model.FindMix),
            .. Shared ? [ExpertMix.Shared] : Array.Empty<ExpertMix>(),
        ];
        return chosen.Length > 0 ? chosen.Distinct() : Enumerable.Range(0, model.Experts.Count).Select(ExpertMix.Of);
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
    }
}
