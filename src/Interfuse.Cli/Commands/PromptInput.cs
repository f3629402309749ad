using System.CommandLine;

namespace Interfuse.Cli.Commands;

/// <summary>A prompt, from the command line or from standard input.</summary>
internal static class PromptInput
{
    public static readonly Option<string> Prompt = new("--prompt")
    {
        Description = $"The text to continue; '{StandardInput}' reads it from standard input, without a line end at its end.",
        HelpName = $"TEXT|{StandardInput}",
        Required = true,
    };

    private const string StandardInput = "-";

    /// <exception cref="InterfuseException">It is empty.</exception>
    public static async Task<string> ReadAsync(ParseResult parsed, CancellationToken cancellation)
    {
        string prompt = parsed.GetRequiredValue(Prompt);
        if (prompt == StandardInput)
        {
            using var input = new StreamReader(Console.OpenStandardInput());

            // A read of a terminal can't be broken off, but need not be waited for.
            prompt = await input.ReadToEndAsync(CancellationToken.None).WaitAsync(cancellation);
            prompt = prompt.EndsWith('\n') ? prompt[..^1].TrimEnd('\r') : prompt;
        }

        return prompt.Length > 0 ? prompt : throw new InterfuseException("The prompt is empty; give a text to continue.");
    }
}
