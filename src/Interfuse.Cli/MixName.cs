using Interfuse.Experts;

namespace Interfuse.Cli;

/// <summary>What reports call an expert, or a mixture of experts.</summary>
internal static class MixName
{
    /// <summary>The expert's name; null for a plain model and for mixtures.</summary>
    public static string? Expert(ExpertMix mix, IReadOnlyList<string> experts) =>
        mix.IsSingle && experts.Count > 0 ? experts[mix.Expert] : null;

    /// <summary>The mixture's shares, or <c>shared</c>; null for an expert alone.</summary>
    public static string? Mixture(ExpertMix mix, IReadOnlyList<string> experts) => mix.IsSingle ? null : mix.ToString(experts);
}
