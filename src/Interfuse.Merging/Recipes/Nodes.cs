namespace Interfuse.Merging.Recipes;

/// <summary>A node of a recipe's YAML, aliases resolved and merge keys applied.</summary>
internal abstract class Node(SourceLocation location)
{
    public SourceLocation Location { get; } = location;

    /// <summary>How many nodes this one stands for when every alias below it is written out, itself included.</summary>
    public int Count { get; init; } = 1;

    /// <summary>How many levels are at and below this one, aliases written out.</summary>
    public int Height { get; init; } = 1;

    /// <summary>What the user wrote, for a message.</summary>
    public abstract string Describe();
}

/// <summary>A single value.</summary>
/// <param name="text">Its text, quotes and escapes removed.</param>
/// <param name="isPlain">Whether the text may stand for a number, true, false or nothing: it is not quoted.</param>
/// <param name="location">Where it stands.</param>
internal sealed class ScalarNode(string text, bool isPlain, SourceLocation location) : Node(location)
{
    public string Text { get; } = text;

    public bool IsPlain { get; } = isPlain;

    public bool IsNull => IsPlain && Text is "" or "~" or "null" or "Null" or "NULL";

    public override string Describe() => IsNull ? "nothing" : Message.Quote(Text);
}

/// <summary>A list.</summary>
internal sealed class ListNode(IReadOnlyList<Node> items, SourceLocation location) : Node(location)
{
    public IReadOnlyList<Node> Items { get; } = items;

    public override string Describe() => Items.Count == 0 ? "an empty list" : "a list";
}

/// <summary>A mapping; each key is there once.</summary>
internal sealed class MapNode(IReadOnlyList<(ScalarNode Key, Node Value)> entries, SourceLocation location)
    : Node(location)
{
    public IReadOnlyList<(ScalarNode Key, Node Value)> Entries { get; } = entries;

    /// <summary>The value of a key, or null when the key is missing or its value is empty.</summary>
    public Node? this[string key] => Entries.FirstOrDefault(entry => entry.Key.Text == key).Value is { } value
        && value is not ScalarNode { IsNull: true } ? value : null;

    /// <summary>Where a key is written, or where the mapping begins when it lacks the key.</summary>
    public SourceLocation LocationOf(string key) =>
        Entries.FirstOrDefault(entry => entry.Key.Text == key).Key?.Location ?? Location;

    public override string Describe() => "a mapping";
}
