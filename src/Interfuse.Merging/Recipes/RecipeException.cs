namespace Interfuse.Merging.Recipes;

/// <summary>A recipe can't be read, breaks the grammar, or asks for what its merge method does not do.</summary>
public sealed class RecipeException : InterfuseException
{
    /// <summary>Makes an error about one place of a recipe; the message is <c>path:line:column: reason</c>.</summary>
    /// <param name="location">The place at fault.</param>
    /// <param name="reason">What was found, what was expected and what to do, without the place.</param>
    public RecipeException(SourceLocation location, string reason)
        : base($"{location}: {reason}")
    {
        Path = location.Path;
        Line = location.Line;
        Column = location.Column;
        Reason = reason;
    }

    /// <summary>The recipe's file, or null when it is not from a file.</summary>
    public string? Path { get; }

    /// <summary>The line at fault, from 1, or 0 when the fault has no line.</summary>
    public int Line { get; }

    /// <summary>The column at fault, from 1, or 0 when the fault has no line.</summary>
    public int Column { get; }

    /// <summary>What was found, what was expected and what to do.</summary>
    public string Reason { get; }
}
