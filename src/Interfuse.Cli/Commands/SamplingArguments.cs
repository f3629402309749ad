using System.CommandLine;
using Interfuse.Inference.Generation;

namespace Interfuse.Cli.Commands;

/// <summary>The options that say how tokens are chosen.</summary>
internal static class SamplingArguments
{
    private static readonly Option<double?> Temperature = new("--temperature")
    {
        Description = "Draw tokens at random, the more evenly the higher this is; 0 takes the likeliest. [default: 0]",
        HelpName = "T",
        CustomParser = result => Usage.ParseReal(result, value => value >= 0, "of 0 or more"),
    };

    private static readonly Option<ulong?> TopK = new("--top-k")
    {
        Description = "Draw from this many of the likeliest tokens; 0 for all. [default: 0]",
        HelpName = "K",
        CustomParser = result => Usage.ParseNumber(result, 0, int.MaxValue),
    };

    private static readonly Option<double?> TopP = new("--top-p")
    {
        Description = "Draw from the likeliest tokens that together reach this probability. [default: 1]",
        HelpName = "P",
        CustomParser = result => Usage.ParseReal(result, value => value is > 0 and <= 1, "above 0, and 1 at most"),
    };

    private static readonly Option<double?> MinP = new("--min-p")
    {
        Description = "Draw from the tokens that are at least this share as likely as the likeliest. [default: 0]",
        HelpName = "P",
        CustomParser = result => Usage.ParseReal(result, value => value is >= 0 and <= 1, "from 0 to 1"),
    };

    private static readonly Option<double?> RepetitionPenalty = new("--repetition-penalty")
    {
        Description = "Make tokens that were there before less likely; 1 for no penalty. [default: 1]",
        HelpName = "R",
        CustomParser = result => Usage.ParseReal(result, value => value > 0, "above 0"),
    };

    private static readonly Option<ulong?> Seed = new("--seed")
    {
        Description = "Seed of the draws; the same seed gives the same answer. [default: 0]",
        HelpName = "S",
        CustomParser = result => Usage.ParseNumber(result, 0, ulong.MaxValue),
    };

    public static IEnumerable<Option> All => [Temperature, TopK, TopP, MinP, RepetitionPenalty, Seed];

    public static SamplingOptions Of(ParseResult parsed)
    {
        SamplingOptions defaults = SamplingOptions.Greedy;
        return new SamplingOptions
        {
            Temperature = parsed.GetValue(Temperature) ?? defaults.Temperature,
            TopK = (int?)parsed.GetValue(TopK) ?? defaults.TopK,
            TopP = parsed.GetValue(TopP) ?? defaults.TopP,
            MinP = parsed.GetValue(MinP) ?? defaults.MinP,
            RepetitionPenalty = parsed.GetValue(RepetitionPenalty) ?? defaults.RepetitionPenalty,
            Seed = parsed.GetValue(Seed) ?? defaults.Seed,
        };
    }
}
