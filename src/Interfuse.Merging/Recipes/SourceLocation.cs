namespace Interfuse.Merging.Recipes;

/// <summary>A place in a recipe's text.</summary>
/// <param name="Path">The recipe's file, as it was given; null for a recipe that is not from a file.</param>
/// <param name="Line">The line, from 1; 0 for recipes built in C# and for errors about the file as a whole.</param>
/// <param name="Column">The column, from 1; 0 where <paramref name="Line"/> is 0.</param>
public sealed record SourceLocation(string? Path, int Line, int Column)
{
    /// <summary><c>path:line:column</c>, as editors and compilers write it.</summary>
    public override string ToString() => Line > 0 ? $"{Path ?? "recipe"}:{Line}:{Column}" : Path ?? "recipe";
}
