using System.CommandLine;
using System.CommandLine.Parsing;
using Interfuse.Experts.Routing;

namespace Interfuse.Cli.Commands;

/// <summary>The options by which commands choose among the experts of packs.</summary>
internal static class ExpertChoice
{
    /// <summary>One expert.</summary>
    public static readonly Option<string?> Expert = new("--expert")
    {
        Description = "Which expert of a pack; 'interfuse inspect PACK' shows their names.",
        HelpName = "NAME",
    };

    /// <summary>One mixture.</summary>
    public static readonly Option<string?> Mixture = new("--mixture")
    {
        Description = "Experts of a pack in fixed shares that sum to 1, for example \"math=0.7,code=0.3\".",
        HelpName = "SHARES",
    };

    /// <summary>The shared model.</summary>
    public static readonly Option<bool> Shared = new("--shared")
    {
        Description = "The model that the experts of a pack share; where the pack keeps none, all in equal shares.",
    };

    /// <summary>The pack's router.</summary>
    public static readonly Option<RoutePolicy?> Route = new("--route")
    {
        Description = "Let the pack's router choose: 'classifier' takes the likeliest expert, 'mixture' all by how likely "
            + "they are, 'uncertainty' one, some or the shared model, as sure as it is.",
        HelpName = string.Join('|', RouteWords.All),
        CustomParser = RouteWords.Parse,
    };

    /// <summary>Refuses command lines that choose in two ways.</summary>
    /// <param name="command">The command.</param>
    /// <param name="isNeeded">Whether those are refused too that do not choose.</param>
    /// <param name="ways">The options that choose.</param>
    public static void AllowOne(Command command, bool isNeeded, params Option[] ways) => command.Validators.Add(result =>
    {
        string[] given = [.. ways.Where(way => IsGiven(result, way)).Select(way => way.Name)];
        if (given.Length > 1)
        {
            result.AddError($"{given[1]}: {given[0]} has chosen already; give one of {Names(ways)}");
        }
        else if (given.Length == 0 && isNeeded)
        {
            result.AddError($"nothing says what of the pack is meant; give one of {Names(ways)}");
        }
    });

    private static bool IsGiven(CommandResult result, Option option) => result.GetResult(option) is { Implicit: false };

    private static string Names(Option[] ways) => $"{string.Join(", ", ways[..^1].Select(way => way.Name))} and {ways[^1].Name}";
}
