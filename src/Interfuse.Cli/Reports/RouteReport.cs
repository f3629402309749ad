using System.Globalization;
using Interfuse.Experts.Routing;

namespace Interfuse.Cli;

/// <summary>Why a router chose whom it chose for a prompt.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="Outcome">What came of it: an expert, a mixture, or the shared model, undecided or far from
/// everything.</param>
/// <param name="Probabilities">How likely each expert is the right one.</param>
/// <param name="Uncertainty">Their entropy by that of equal ones.</param>
/// <param name="Distance">How far the prompt is from those of the experts, by how far they reach.</param>
/// <param name="Why">The same in words.</param>
internal sealed record RouteReport(
    string Policy, string Outcome, IReadOnlyDictionary<string, double> Probabilities, double Uncertainty, double Distance,
    string Why)
{
    public static RouteReport Of(RouteDecision route, IReadOnlyList<string> experts) => new(
        RouteWords.Of(route.Policy),
        RouteWords.Of(route.Outcome),
        experts.Select((name, expert) => (name, route.Scores.Probabilities[expert])).ToDictionary(),
        route.Scores.Uncertainty,
        route.Scores.Distance,
        route.Why(experts));

    public string ToText() => $"routed to {Messages.OneLine(Why)}";
}

/// <summary>What a router makes of a prompt (<c>interfuse route show</c>).</summary>
internal sealed record RouteShowReport(string Pack, string Prompt, IReadOnlyList<RouteReport> Routes)
{
    public string ToText()
    {
        RouteReport first = Routes[0];
        string distance = first.Distance.ToString("0.00", CultureInfo.InvariantCulture);
        return Reports.ToText(
            Prompt,
            [
                .. first.Probabilities.Select(expert => (expert.Key, (string?)PackReport.Percent(expert.Value))),
                ("uncertainty", first.Uncertainty.ToString("0.000", CultureInfo.InvariantCulture)),
                ("distance", $"{distance} of how far the experts' prompts reach"),
                .. Routes.Select(route => ($"--route {route.Policy}", (string?)route.Why)),
            ]);
    }
}
