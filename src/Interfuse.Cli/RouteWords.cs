using System.CommandLine.Parsing;
using Interfuse.Experts.Routing;

namespace Interfuse.Cli;

/// <summary>How routing is spelled on the command line and in reports.</summary>
internal static class RouteWords
{
    private static readonly (string Word, RoutePolicy? Value)[] Policies =
    [
        ("classifier", RoutePolicy.Classifier), ("mixture", RoutePolicy.Mixture), ("uncertainty", RoutePolicy.Uncertainty),
    ];

    /// <summary>The policies' names.</summary>
    public static IReadOnlyList<string> All { get; } = [.. Policies.Select(policy => policy.Word)];

    public static string Of(RoutePolicy policy) => Policies.Single(known => known.Value == policy).Word;

    public static string Of(RouteOutcome outcome) => outcome switch
    {
        RouteOutcome.Expert => "expert",
        RouteOutcome.Mixture => "mixture",
        RouteOutcome.Undecided => "undecided",
        _ => "far",
    };

    /// <summary>Reads the value of an option that names a policy.</summary>
    public static RoutePolicy? Parse(ArgumentResult result) => ParseAll(result)?[0];

    /// <summary>Reads the values of an option that names policies.</summary>
    public static RoutePolicy[]? ParseAll(ArgumentResult result) => Usage.ParseNames(result, [.. All]) is { } names
        ? [.. names.Select(name => Policies.Single(known => known.Word == name).Value!.Value)]
        : null;

    /// <summary>How many samples went where: to an expert, to a mixture of some, or to the shared model; most
    /// first.</summary>
    public static IReadOnlyDictionary<string, int> Count(IEnumerable<RouteDecision> routes, IReadOnlyList<string> experts) => routes
        .GroupBy(route => Who(route, experts))
        .OrderByDescending(group => group.Count())
        .ThenBy(group => group.Key, StringComparer.Ordinal)
        .ToDictionary(group => group.Key, group => group.Count());

    private static string Who(RouteDecision route, IReadOnlyList<string> experts) => route.Outcome switch
    {
        RouteOutcome.Undecided => "shared (undecided)",
        RouteOutcome.Far => "shared (far)",
        _ => string.Join(" + ", route.Mix.Parts.Select(part => experts[part.Expert])),
    };
}
