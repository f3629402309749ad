using Interfuse.Server.Engine;

namespace Interfuse.Server.Http.OpenAi;

/// <summary>Tells clients who answers.</summary>
internal static class AnswerHeads
{
    // So much of a hash is enough to see that a model has changed.
    private const int FingerprintDigits = 12;

    /// <summary>What every piece of an answer repeats.</summary>
    /// <param name="by">Who answers.</param>
    /// <param name="asked">What the request named.</param>
    /// <param name="prefix">What the answer's id begins with.</param>
    /// <param name="now">The time.</param>
    public static AnswerHead Of(AnsweredBy by, ExpertName asked, string prefix, DateTimeOffset now)
    {
        ServedModel model = by.Model;
        string id = asked.Kind == ExpertNameKind.Plain ? model.Name : $"{model.Name}/{by.Name}";
        return new AnswerHead(
            $"{prefix}{Guid.NewGuid():N}",
            now.ToUnixTimeSeconds(),
            id,
            $"fp_{model.Identity[..Math.Min(FingerprintDigits, model.Identity.Length)]}",
            InfoOf(by, asked));
    }

    private static AnswerInfo InfoOf(AnsweredBy by, ExpertName asked)
    {
        var info = new AnswerInfo(by.Model.Name);
        if (asked.Kind == ExpertNameKind.Plain)
        {
            return info;
        }

        // An expert may be called 'shared'; then what was asked for, or the router's decision, tells which is meant.
        bool isShared = by.Route is { } decision ? decision.Mix.IsShared : asked.Kind == ExpertNameKind.Shared && by.Name == "shared";
        bool isExpert = !isShared && by.Model.Experts.Contains(by.Name);
        info = info with
        {
            Shared = isShared,
            Expert = isExpert ? by.Name : null,
            Mixture = isShared || isExpert ? null : by.Name,
        };
        return by.Route is not { } route
            ? info
            : info with
            {
                Policy = RouteWords.Of(route.Policy),
                Outcome = RouteWords.Of(route.Outcome),
                Confidence = route.Scores.Probabilities[route.Scores.Best],
                Uncertainty = route.Scores.Uncertainty,
            };
    }
}
