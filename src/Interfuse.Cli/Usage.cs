using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Interfuse.Compute;
using Interfuse.Merging.Recipes;

namespace Interfuse.Cli;

/// <summary>Finds mistakes in a command line and says what was meant.</summary>
internal static class Usage
{
    /// <summary>The mistake that most likely caused the others, or null.</summary>
    public static string? MistakeIn(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        Token[] values = [.. parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(child => child.Tokens)];
        IEnumerable<Token> listed = parsed.CommandResult.Children.OfType<OptionResult>()
            .Where(child => child.Option.AllowMultipleArgumentsPerToken)
            .SelectMany(child => child.Tokens);

        // The parser takes a misspelled option for the value of an argument that is still open, or of a list.
        string[] strangers = [.. values.Concat(listed).Select(token => token.Value), .. parsed.UnmatchedTokens];
        if (Array.Find(strangers, text => text.Length > 1 && text[0] == '-') is { } option)
        {
            string name = option.Split('=', ':')[0];
            return $"unknown option '{name}'{DidYouMean(name, OptionsOf(command))}";
        }

        if (parsed.UnmatchedTokens is [string stranger, ..])
        {
            return command.Subcommands.Count > 0
                ? $"unknown command '{stranger}'{DidYouMean(stranger, command.Subcommands.Select(sub => sub.Name))}"
                : $"unexpected argument '{stranger}' for command: '{command.Name}'";
        }

        if (parsed.Errors.Count > 0)
        {
            return command.Subcommands.Count > 0
                ? $"a command is missing: {string.Join(", ", command.Subcommands.Select(sub => sub.Name))}"
                : parsed.Errors[0].Message.TrimEnd('.');
        }

        return values.Any(token => token.Value.Length == 0) ? "an argument is empty: a path is expected" : null;
    }

    /// <summary>Reads the value of an option that takes a whole number.</summary>
    public static ulong? ParseNumber(ArgumentResult result, ulong minimum, ulong maximum)
    {
        string text = result.Tokens[0].Value;
        if (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)
            && number >= minimum && number <= maximum)
        {
            return number;
        }

        AddError(result, $"'{text}' isn't a whole number from {minimum} to {maximum}");
        return null;
    }

    /// <summary>Reads the value of an option that takes a finite number.</summary>
    /// <param name="result">The value.</param>
    /// <param name="isInRange">Whether a number will do.</param>
    /// <param name="range">Which ones do, as it follows "isn't a number".</param>
    public static double? ParseReal(ArgumentResult result, Func<double, bool> isInRange, string range)
    {
        string text = result.Tokens[0].Value;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            && double.IsFinite(number) && isInRange(number))
        {
            return number;
        }

        AddError(result, $"'{text}' isn't a number {range}");
        return null;
    }

    /// <summary>Reads the value of an option that takes a size.</summary>
    public static long? ParseSize(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (Sizes.TryParse(text, out long bytes))
        {
            return bytes;
        }

        AddError(result, $"'{text}' isn't a size; write for example 512MiB, 4GiB or 5GB");
        return null;
    }

    /// <summary>Reads the values of an option that takes counts.</summary>
    public static long[]? ParseCounts(ArgumentResult result)
    {
        var counts = new List<long>();
        foreach (Token token in result.Tokens)
        {
            if (!Sizes.TryParseCount(token.Value, out long count))
            {
                AddError(result, $"'{token.Value}' isn't a count; write for example 1000, 64Ki or 256Mi");
                return null;
            }

            counts.Add(count);
        }

        return [.. counts];
    }

    /// <summary>Reads the values of an option that takes some of a list of names.</summary>
    public static string[]? ParseNames(ArgumentResult result, IReadOnlyCollection<string> known)
    {
        string[] names = [.. result.Tokens.Select(token => token.Value)];
        if (Array.Find(names, name => !known.Contains(name)) is { } unknown)
        {
            string meant = DidYouMean(unknown, known);
            string hint = meant.Length > 0 ? meant : $"; there are {string.Join(", ", known)}";
            AddError(result, $"there is no '{unknown}'{hint}");
            return null;
        }

        return names;
    }

    /// <summary>Reads the value of an option that names a device.</summary>
    public static string? ParseDevice(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (Devices.Names.Contains(text))
        {
            return text;
        }

        AddError(result, $"'{text}' is none of {string.Join(", ", Devices.Names)}");
        return null;
    }

    /// <summary>Reads the value of an option that takes one of some words.</summary>
    public static T? ParseWord<T>(ArgumentResult result, params (string Word, T Value)[] words)
        where T : struct
    {
        string text = result.Tokens[0].Value;
        foreach ((string word, T value) in words)
        {
            if (text == word)
            {
                return value;
            }
        }

        AddError(result, $"'{text}' is none of {string.Join(", ", words.Select(word => word.Word))}");
        return null;
    }

    /// <summary>A command as it is typed, without the program: <c>bench kernels</c>; nothing for the root.</summary>
    public static string Typed(CommandResult command) => command.Parent is CommandResult parent
        ? $"{Typed(parent)} {command.Command.Name}".TrimStart()
        : "";

    private static void AddError(ArgumentResult result, string message) =>
        result.AddError(result.Parent is OptionResult option ? $"{option.Option.Name}: {message}" : message);

    private static IEnumerable<string> OptionsOf(Command command) =>
        command.Options.SelectMany(option => option.Aliases.Prepend(option.Name));

    private static string DidYouMean(string word, IEnumerable<string> known) =>
        Nearest.To(word, known) is { } near ? $", did you mean '{near}'?" : "";
}
