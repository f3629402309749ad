using YamlDotNet.Core;

namespace Interfuse.Merging.Recipes;

/// <summary>Says in a user's words what YamlDotNet found wrong.</summary>
internal static class YamlFaults
{
    // Parts of YamlDotNet's messages, and what to do about the usual causes.
    private static readonly (string Part, string Advice)[] Known =
    [
        ("found invalid mapping", "a ':' follows a value: correct the indentation of this line, or put the text with "
            + "': ' in quotes"),
        ("did not find expected key", "this line is no `key: value`, or its indentation differs from the lines above: "
            + "indent the keys of one mapping alike"),
        ("could not find expected ':'", "this line is no `key: value`: a ':' with a space after it is missing"),
        ("tab", "a tab is no indentation in YAML: use spaces"),
        ("cannot start any token", "text that begins with such a character needs quotes"),
    ];

    /// <summary>Makes the reason of an error.</summary>
    /// <param name="exception">What YamlDotNet threw.</param>
    /// <param name="bracket">The innermost list or mapping in brackets that is still open, or null.</param>
    public static string Explain(Exception exception, SourceLocation? bracket)
    {
        if (bracket is not null)
        {
            return $"this is not YAML: the bracket opened in line {bracket.Line}, column {bracket.Column} is not "
                + "closed properly, expected values with commas between them and the closing bracket";
        }

        // InvalidOperationException is what an open bracket becomes that the parser has not handed out yet;
        // ArgumentException what an escape does that is no character, such as "\UFFFFFFFF".
        return "this is not YAML: " + exception switch
        {
            YamlException => Translate(exception.Message),
            InvalidOperationException => "a bracket near here is not closed",
            _ => "an escape in a quoted text is no character",
        };
    }

    private static string Translate(string message)
    {
        string? advice = Array.Find(Known, known => message.Contains(known.Part, StringComparison.Ordinal)).Advice;
        return advice ?? char.ToLowerInvariant(message[0]) + message[1..].TrimEnd('.');
    }
}
