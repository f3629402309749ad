using System.CommandLine;
using System.CommandLine.Parsing;

namespace Interfuse.Cli.Commands;

/// <summary>The options that <c>generate</c> and <c>eval</c> have in common.</summary>
internal static class AnswerOptions
{
    public const string ModelName = "MODEL_OR_PACK";

    public static readonly Option<bool> Chat = new("--chat")
    {
        Description = "Write the prompt as a user's message, by the model's own chat template.",
    };

    public static readonly Option<string[]> Stop = new("--stop")
    {
        Description = "End an answer before this text. May be given several times.",
        HelpName = "TEXT",
        CustomParser = ParseStops,
    };

    /// <summary>The most tokens of an answer.</summary>
    /// <param name="tokens">How many where nothing else is said.</param>
    public static Option<ulong?> MaxTokens(int tokens) => new("--max-tokens")
    {
        Description = $"The most tokens of an answer; the model's context may end it before. [default: {tokens}]",
        HelpName = "N",
        CustomParser = result => Usage.ParseNumber(result, 1, int.MaxValue),
    };

    private static string[]? ParseStops(ArgumentResult result)
    {
        string[] stops = [.. result.Tokens.Select(token => token.Value)];
        if (stops.Contains(""))
        {
            result.AddError("--stop: a text is empty, and would end every answer before it begins");
            return null;
        }

        return stops;
    }
}
