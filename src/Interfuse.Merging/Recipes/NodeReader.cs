using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Interfuse.Merging.Recipes;

/// <summary>Reads one YAML document into nodes that know their place.</summary>
/// <remarks>Works on YamlDotNet's events, so that depth and size are checked while reading: an alias costs as many
/// nodes as it stands for, but is never copied.</remarks>
internal sealed class NodeReader
{
    /// <summary>The deepest nesting; a recipe with gradients in filters in slices needs 9 levels.</summary>
    public const int MaxDepth = 32;

    /// <summary>The most nodes, every alias written out.</summary>
    public const int MaxNodes = 100_000;

    private const string StandardTags = "tag:yaml.org,2002:";

    private readonly string? _path;
    private readonly bool _located;
    private readonly Parser _parser;

    // Null while the anchored node is still being read: an alias to it would contain itself.
    private readonly Dictionary<AnchorName, Node?> _anchors = [];
    private readonly Stack<SourceLocation> _brackets = [];
    private int _nodes;

    private NodeReader(string yaml, string? path, bool located)
    {
        _path = path;
        _located = located;
        _parser = new Parser(new StringReader(yaml));
    }

    /// <summary>Reads the only document of a text.</summary>
    /// <param name="yaml">The text.</param>
    /// <param name="path">The file it is from, for locations.</param>
    /// <param name="located">False gives every node line 0: the text was generated, its lines mean nothing.</param>
    /// <exception cref="RecipeException">It is not YAML, not one document, or too deep or too large.</exception>
    public static Node Read(string yaml, string? path, bool located) => new NodeReader(yaml, path, located).Read();

    private Node Read()
    {
        Next<StreamStart>();
        if (Next<ParsingEvent>() is StreamEnd)
        {
            throw new RecipeException(new SourceLocation(_path, 0, 0), "the recipe is empty, expected a mapping with "
                + "'merge_method' and 'models'");
        }

        Node root = ReadNode(Next<ParsingEvent>(), 1);
        Next<DocumentEnd>();
        ParsingEvent end = Next<ParsingEvent>();
        return end is StreamEnd
            ? root
            : throw Error(end, "a second document begins here, expected one recipe per file: put it into its own file");
    }

    private Node ReadNode(ParsingEvent parsed, int depth)
    {
        if (parsed is AnchorAlias alias)
        {
            return Resolve(alias, depth);
        }

        NodeEvent start = parsed as NodeEvent ?? throw Error(parsed, "a list or mapping ends here, expected a value");
        CheckSize(start, depth, 1);
        if (!start.Anchor.IsEmpty)
        {
            _anchors[start.Anchor] = null;
        }

        bool isText = HasTextTag(start);
        bool isBracket = start
            is SequenceStart { Style: SequenceStyle.Flow } or MappingStart { Style: MappingStyle.Flow };
        if (isBracket)
        {
            _brackets.Push(At(start));
        }

        Node node = start switch
        {
            SequenceStart => ReadList(start, depth),
            MappingStart => ReadMap(start, depth),
            _ => ReadScalar((Scalar)start, isText),
        };
        if (isBracket)
        {
            _brackets.Pop();
        }

        if (!start.Anchor.IsEmpty)
        {
            _anchors[start.Anchor] = node;
        }

        return node;
    }

    private Node Resolve(AnchorAlias alias, int depth)
    {
        if (!_anchors.TryGetValue(alias.Value, out Node? node))
        {
            throw Error(alias, $"alias '*{alias.Value}' refers to nothing, expected an anchor "
                + $"'&{alias.Value}' before it");
        }

        if (node is null)
        {
            throw Error(alias, $"alias '*{alias.Value}' stands inside the value it refers to, so it would never end");
        }

        CheckSize(alias, depth + node.Height - 1, node.Count);
        return node;
    }

    private ScalarNode ReadScalar(Scalar scalar, bool isText)
    {
        bool isTagged = !scalar.Tag.IsEmpty;
        bool isPlain = isTagged ? !isText : scalar.Style == ScalarStyle.Plain;
        return new ScalarNode(scalar.Value, isPlain, At(scalar));
    }

    private ListNode ReadList(ParsingEvent start, int depth)
    {
        List<Node> items = [];
        int count = 1;
        int height = 1;
        while (Next<ParsingEvent>() is var item and not SequenceEnd)
        {
            Node node = ReadNode(item, depth + 1);
            items.Add(node);
            count += node.Count;
            height = Math.Max(height, node.Height + 1);
        }

        return new ListNode(items, At(start)) { Count = count, Height = height };
    }

    private MapNode ReadMap(ParsingEvent start, int depth)
    {
        List<(ScalarNode Key, Node Value)> entries = [];
        Dictionary<string, ScalarNode> keys = [];
        Node? merged = null;
        int count = 1;
        int height = 1;
        while (Next<ParsingEvent>() is var item and not MappingEnd)
        {
            if (ReadNode(item, depth + 1) is not ScalarNode key)
            {
                throw Error(item, "a key is a list or a mapping, expected a name");
            }

            if (key is { IsPlain: true, Text: "" })
            {
                // YamlDotNet places a later key that is missing at the beginning of the file, and drops the value of a
                // first one: what follows the missing key tells where a later one belongs.
                bool isPlaced = item.Start.Index > start.Start.Index;
                ParsingEvent place = isPlaced ? item : Next<ParsingEvent>();
                throw Error(place, "a key is missing before ':', expected `key: value`");
            }

            Node value = ReadNode(Next<ParsingEvent>(), depth + 1);
            if (!keys.TryAdd(key.Text, key))
            {
                throw Error(item, $"key {Message.Quote(key.Text)} is here twice"
                    + $"{Message.FirstIn(keys[key.Text].Location)}: remove one");
            }

            if (key is { IsPlain: true, Text: "<<" })
            {
                merged = value;
            }
            else
            {
                entries.Add((key, value));
            }

            count += key.Count + value.Count;
            height = Math.Max(height, value.Height + 1);
        }

        if (merged is not null)
        {
            Merge(merged, keys, entries);
        }

        return new MapNode(entries, At(start)) { Count = count, Height = height };
    }

    // The mapping's own keys win over merged ones, and earlier mappings of a list over later ones.
    private static void Merge(Node merged, Dictionary<string, ScalarNode> keys, List<(ScalarNode, Node)> entries)
    {
        foreach (Node source in merged is ListNode list ? list.Items : [merged])
        {
            if (source is not MapNode map)
            {
                throw new RecipeException(source.Location, $"'<<' merges {source.Describe()}, expected a mapping or a "
                    + "list of mappings");
            }

            entries.AddRange(map.Entries.Where(entry => keys.TryAdd(entry.Key.Text, entry.Key)));
        }
    }

    private bool HasTextTag(NodeEvent node)
    {
        if (node.Tag.IsEmpty)
        {
            return false;
        }

        if (node.Tag.IsNonSpecific)
        {
            return true;
        }

        string tag = node.Tag.Value;
        string? type = tag.StartsWith(StandardTags, StringComparison.Ordinal) ? tag[StandardTags.Length..] : null;
        return type is "str" or "int" or "float" or "bool" or "null" or "map" or "seq" or "merge"
            ? type == "str"
            : throw Error(node, $"tag {Message.Quote(tag)} has no meaning in a recipe: remove it");
    }

    private void CheckSize(ParsingEvent parsed, int depth, int nodes)
    {
        if (depth > MaxDepth)
        {
            throw Error(parsed, $"the nesting is deeper than {MaxDepth} levels, no recipe needs that");
        }

        // No overflow: a finished node counts at most MaxNodes.
        _nodes += nodes;
        if (_nodes > MaxNodes)
        {
            throw Error(parsed, $"the recipe has more than {MaxNodes} values when its aliases are written out");
        }
    }

    private T Next<T>()
        where T : ParsingEvent
    {
        try
        {
            _parser.MoveNext();
        }
        catch (Exception exception)
            when (exception is YamlException or ArgumentException or InvalidOperationException)
        {
            Mark mark = (exception as YamlException)?.End ?? _parser.Current!.End;
            SourceLocation? bracket = _brackets.TryPeek(out SourceLocation? open) ? open : null;
            throw new RecipeException(At(mark), YamlFaults.Explain(exception, bracket));
        }

        return (T)_parser.Current!;
    }

    private SourceLocation At(ParsingEvent parsed) => At(parsed.Start);

    private SourceLocation At(Mark mark) =>
        _located ? new SourceLocation(_path, (int)mark.Line, (int)mark.Column) : new SourceLocation(_path, 0, 0);

    private RecipeException Error(ParsingEvent parsed, string reason) => new(At(parsed), reason);
}
