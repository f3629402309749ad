using Interfuse.Experts.Routing;
using Interfuse.Server.Engine;

namespace Interfuse.Server.Http.OpenAi;

/// <summary>How routing and kinds of names are spelled in requests and responses.</summary>
internal static class RouteWords
{
    private static readonly Dictionary<string, RoutePolicy> Policies = new()
    {
        ["classifier"] = RoutePolicy.Classifier,
        ["mixture"] = RoutePolicy.Mixture,
        ["uncertainty"] = RoutePolicy.Uncertainty,
    };

    public static string Of(RoutePolicy policy) => Policies.First(known => known.Value == policy).Key;

    public static string Of(RouteOutcome outcome) => outcome switch
    {
        RouteOutcome.Expert => "expert",
        RouteOutcome.Mixture => "mixture",
        RouteOutcome.Undecided => "undecided",
        _ => "far",
    };

    public static string Of(ExpertNameKind kind) => kind switch
    {
        ExpertNameKind.Expert => "expert",
        ExpertNameKind.Auto => "auto",
        ExpertNameKind.Shared => "shared",
        _ => "model",
    };

    /// <summary>The policy of a name, or null.</summary>
    public static RoutePolicy? Parse(string name) => Policies.TryGetValue(name, out RoutePolicy policy) ? policy : null;
}
