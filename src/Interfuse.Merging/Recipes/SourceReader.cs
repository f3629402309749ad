using System.Globalization;

namespace Interfuse.Merging.Recipes;

/// <summary>Reads the entries of <c>models</c> and <c>slices</c>, each by itself.</summary>
/// <param name="parameters">Reads their parameters.</param>
/// <param name="keys">The rules for their keys.</param>
/// <param name="namesModels">Whether the method keeps models apart, so that each may have a name.</param>
internal sealed class SourceReader(ParameterReader parameters, RecipeKeys keys, bool namesModels)
{
    /// <summary>Reads the entries of <c>models</c>.</summary>
    public IReadOnlyList<RecipeSource> ReadModels(Node models) =>
        [.. ReadEntries(models, "models", "model: ./path").Select(entry => ReadSource(entry, RecipeKeys.Model))];

    /// <summary>Reads the entries of <c>slices</c>.</summary>
    public IReadOnlyList<RecipeSlice> ReadSlices(Node slices) =>
        [.. ReadEntries(slices, "slices", "sources: [{model: ./path, layer_range: [0, 16]}]").Select(ReadSlice)];

    /// <summary>Reads the path of a model.</summary>
    /// <param name="node">The value of <paramref name="key"/>.</param>
    /// <param name="key">The key, for messages.</param>
    public static ModelReference ReadModel(Node node, string key)
    {
        if (node is ScalarNode { IsNull: false, Text: not "" } scalar)
        {
            return scalar.Text.Contains('\0')
                ? throw new RecipeException(node.Location, $"'{key}' has a zero character, expected a path")
                : new ModelReference(scalar.Text, node.Location);
        }

        if (node is not MapNode map)
        {
            throw new RecipeException(node.Location, $"'{key}' is {node.Describe()}, expected the path of a local "
                + "directory");
        }

        // The LoRA may also stand one mapping deeper: {model: {model: ..., lora: ...}}.
        throw new RecipeException(node.Location, map["lora"] is not null || map["model"] is MapNode { } inner
            && inner["lora"] is not null
            ? $"'{key}' with a LoRA adapter is not supported yet: merge the adapter into its model first, and name the "
                + $"directory of the result, `{key}: ./path`"
            : $"'{key}' as a mapping is not supported yet: revisions are not downloaded, local directories are read; "
                + $"write the directory's path, `{key}: ./path`");
    }

    private static IEnumerable<MapNode> ReadEntries(Node node, string key, string example)
    {
        if (node is not ListNode list)
        {
            throw new RecipeException(node.Location, $"'{key}' is {node.Describe()}, expected a list: begin each entry "
                + $"with '-', `- {example}`");
        }

        return list.Items.Count == 0
            ? throw new RecipeException(node.Location, $"'{key}' is empty, expected entries, `- {example}`")
            : list.Items.Select(item => item as MapNode ?? throw new RecipeException(
                item.Location,
                $"an entry of '{key}' is {item.Describe()}, expected a mapping, `- {example}`"));
    }

    private RecipeSlice ReadSlice(MapNode map)
    {
        keys.Check(map, RecipeKeys.Slice);
        Node node = map["sources"] ?? throw new RecipeException(map.LocationOf("sources"), "this slice has no "
            + "'sources', expected models with layer ranges, `sources: [{model: ./path, layer_range: [0, 16]}]`");
        List<RecipeSource> sources = [];
        foreach (MapNode entry in ReadEntries(node, "sources", "{model: ./path, layer_range: [0, 16]}"))
        {
            RecipeSource source = ReadSource(entry, RecipeKeys.Source);
            sources.Add(source);
            if (source.Layers!.Value.Length != sources[0].Layers!.Value.Length)
            {
                throw new RecipeException(entry["layer_range"]!.Location, $"'layer_range' {source.Layers} has "
                    + $"{Message.Count(source.Layers.Value.Length, "layer")}, expected "
                    + $"{sources[0].Layers!.Value.Length} as in {sources[0].Layers} of '{sources[0].Model.Text}': all "
                    + "sources of a slice need as many layers");
            }
        }

        return new RecipeSlice(sources, parameters.Read(map, isModel: false), map.Location);
    }

    private RecipeSource ReadSource(MapNode map, KeyLevel level)
    {
        keys.Check(map, level);
        Node model = map["model"]
            ?? throw new RecipeException(map.LocationOf("model"), $"'model' is missing {level.Place}, expected the "
                + "path of a local directory, `model: ./path`");
        LayerRange? layers = level == RecipeKeys.Source ? ReadLayers(map) : null;
        return new RecipeSource(ReadModel(model, "model"), layers, parameters.Read(map, isModel: true), map.Location)
        {
            Name = ReadName(map),
        };
    }

    private string? ReadName(MapNode map)
    {
        if (map["name"] is not { } node)
        {
            return null;
        }

        if (!namesModels)
        {
            throw new RecipeException(map.LocationOf("name"), "'name' has no effect: the method merges the models into one, "
                + "in which none keeps a name; remove it");
        }

        return node is ScalarNode { IsNull: false, Text: not "" } scalar && !scalar.Text.Any(char.IsControl)
            ? scalar.Text
            : throw new RecipeException(node.Location, $"'name' is {node.Describe()}, expected a word to call the model by, "
                + "`name: code`");
    }

    private static LayerRange ReadLayers(MapNode map)
    {
        const string Expected = "expected the first layer and the one after the last, `layer_range: [0, 16]`";
        Node node = map["layer_range"]
            ?? throw new RecipeException(map.LocationOf("layer_range"), $"'layer_range' is missing, {Expected}");
        if (node is not ListNode { Items: [var first, var second] } list)
        {
            string found = node is ListNode { Items.Count: > 0 and var count }
                ? $"a list of {Message.Count(count, "value")}" : node.Describe();
            throw new RecipeException(node.Location, $"'layer_range' is {found}, {Expected}");
        }

        var range = new LayerRange(ReadLayer(first), ReadLayer(second));
        return range.Start <= range.End ? range : throw new RecipeException(list.Location, $"'layer_range' {range} "
            + $"ends before it begins, {Expected}");

        static int ReadLayer(Node node) =>
            node is ScalarNode scalar
            && int.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int layer)
            && layer >= 0
                ? layer
                : throw new RecipeException(node.Location, $"'layer_range' has {node.Describe()} for a layer, expected "
                    + "a whole number from 0");
    }
}
