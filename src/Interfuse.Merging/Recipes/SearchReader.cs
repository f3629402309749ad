using System.Globalization;

namespace Interfuse.Merging.Recipes;

/// <summary>Reads the mapping <c>search</c>.</summary>
/// <param name="parameters">Knows the method's parameters.</param>
/// <param name="keys">The rules for its keys.</param>
internal sealed class SearchReader(ParameterReader parameters, RecipeKeys keys)
{
    // As many models as anybody evaluates, and as many values as anybody lists.
    private const int MaxEvaluations = 1_000_000;
    private const int MaxValues = 10_000;
    private const int DefaultGrid = 100;

    private const string Forms = "expected values, `weight: [0.5, 1]`, or bounds, `weight: {min: 0, max: 2}`";

    /// <summary>Reads it, or gives null where the recipe has none.</summary>
    public RecipeSearch? Read(MapNode recipe)
    {
        if (recipe["search"] is not { } node)
        {
            return null;
        }

        MapNode map = node as MapNode
            ?? throw new RecipeException(node.Location, $"'search' is {node.Describe()}, expected a mapping, "
                + "`search: {strategy: grid, parameters: {weight: [0.5, 1]}}`");
        keys.Check(map, RecipeKeys.Search);
        SearchStrategy strategy = ReadStrategy(map);
        SearchDimension[] dimensions = [.. ReadOwner(map, null), .. ReadModels(map)];
        if (dimensions.Length == 0)
        {
            throw new RecipeException(map.Location, "'search' has nothing to search for, expected `parameters:`, or "
                + "`models:` with parameters, each with values or bounds");
        }

        if (strategy == SearchStrategy.Grid && Array.Find(dimensions, one => one.Values.Count == 0) is { } endless)
        {
            throw new RecipeException(endless.Location, $"'{endless.Parameter}' has bounds without a step, of which a "
                + "grid has no end: add `step:`, list values, or write `strategy: evolution`");
        }

        int? evaluations = EvaluationReader.ReadCount(map, "evaluations", MaxEvaluations);
        if (evaluations is null && strategy == SearchStrategy.Evolution)
        {
            throw new RecipeException(map.Location, "'search' by evolution goes on until told to stop: say how many "
                + "models to evaluate, `evaluations: 50`");
        }

        return new RecipeSearch(
            dimensions, strategy, evaluations ?? DefaultGrid, ReadSeed(map), recipe.LocationOf("search"));
    }

    private static SearchStrategy ReadStrategy(MapNode map) => map["strategy"] switch
    {
        ScalarNode { Text: "grid" } => SearchStrategy.Grid,
        ScalarNode { Text: "evolution" } => SearchStrategy.Evolution,
        null => throw new RecipeException(map.LocationOf("strategy"), "'search' has no 'strategy', expected grid or "
            + "evolution"),
        { } node => throw new RecipeException(node.Location, $"'strategy' is {node.Describe()}"
            + (node is ScalarNode word ? Message.DidYouMean(word.Text, ["grid", "evolution"]) : "")
            + " (expected grid or evolution)"),
    };

    private static ulong ReadSeed(MapNode map) => map["seed"] switch
    {
        null => 0,
        ScalarNode scalar when ulong.TryParse(
            scalar.Text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed) => seed,
        { } node => throw new RecipeException(
            node.Location, $"'seed' is {node.Describe()}, expected a whole number from 0 on"),
    };

    private IEnumerable<SearchDimension> ReadModels(MapNode map)
    {
        if (map["models"] is not { } node)
        {
            return [];
        }

        IReadOnlyList<Node> entries = node is ListNode list
            ? list.Items
            : throw new RecipeException(node.Location, $"'models' is {node.Describe()}, expected a list, "
                + "`- {model: ./path, parameters: {weight: [0.5, 1]}}`");
        return entries.SelectMany(ReadModel);
    }

    private IEnumerable<SearchDimension> ReadModel(Node node)
    {
        const string Example = "`- {model: ./path, parameters: {weight: [0.5, 1]}}`";
        MapNode map = node as MapNode
            ?? throw new RecipeException(
                node.Location, $"an entry of 'models' is {node.Describe()}, expected a mapping, {Example}");
        keys.Check(map, RecipeKeys.SearchModel);
        Node model = map["model"]
            ?? throw new RecipeException(map.Location, $"'model' is missing {RecipeKeys.SearchModel.Place}, {Example}");
        return map["parameters"] is null
            ? throw new RecipeException(
                map.Location, $"'parameters' is missing {RecipeKeys.SearchModel.Place}, {Example}")
            : ReadOwner(map, SourceReader.ReadModel(model, "model"));
    }

    private IEnumerable<SearchDimension> ReadOwner(MapNode owner, ModelReference? model) => owner["parameters"] switch
    {
        null => [],
        MapNode map => map.Entries.Select(entry => ReadDimension(model, entry.Key, entry.Value)),
        { } node => throw new RecipeException(
            node.Location, $"'parameters' is {node.Describe()}, expected a mapping of names to values"),
    };

    private SearchDimension ReadDimension(ModelReference? model, ScalarNode name, Node value)
    {
        ParameterSpec spec = parameters.Find(name, isModel: model is not null);
        var reader = new SettingReader(spec, keys);
        switch (value)
        {
            case ListNode { Items.Count: > 0 and <= MaxValues } list:
                return new SearchDimension(
                    model, spec.Name, [.. list.Items.Select(reader.Read)], Range: null, name.Location);
            case ListNode { Items.Count: > MaxValues }:
                throw Error(value, spec, $"has more than {MaxValues} values, expected fewer");
            case MapNode map:
                SearchRange range = ReadRange(map, spec, reader);
                return new SearchDimension(model, spec.Name, Numbers(map, spec, range), range, name.Location);
            default:
                throw Error(value, spec, $"is {value.Describe()}, {Forms}");
        }
    }

    private SearchRange ReadRange(MapNode map, ParameterSpec spec, SettingReader reader)
    {
        keys.Check(map, RecipeKeys.Range);
        if (spec.Kind != ParameterKind.Number)
        {
            throw Error(map, spec, $"has bounds, but is no number: list its values, `{spec.Name}: [{spec.ExampleValue}]`");
        }

        double minimum = Number("min");
        double maximum = Number("max");
        if (!(minimum < maximum))
        {
            throw Error(map, spec, "has a 'min' that is not below 'max'");
        }

        double? step = map["step"] switch
        {
            null => null,
            ScalarNode scalar when double.TryParse(
                scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
                && number > 0 && double.IsFinite(number) => number,
            { } node => throw Error(node, spec, $"has the 'step' {node.Describe()}, expected a number above 0"),
        };
        return new SearchRange(minimum, maximum, step);

        double Number(string key)
        {
            Node node = map[key] ?? throw Error(map, spec, $"has no '{key}', {Forms}");
            return node is ScalarNode && reader.Read(node) is NumberSetting { Value: var number }
                ? number
                : throw Error(node, spec, $"has {node.Describe()} as '{key}', expected a number");
        }
    }

    // In decimals, as they are written: 0.1 steps to 0.3 and not to 0.30000000000000004.
    private static List<ParameterSetting> Numbers(MapNode map, ParameterSpec spec, SearchRange range)
    {
        if (range.Step is not { } written)
        {
            return [];
        }

        if (Math.Abs(range.Minimum) > 1e9 || Math.Abs(range.Maximum) > 1e9 || written < 1e-9
            || (range.Maximum - range.Minimum) / written > MaxValues)
        {
            throw Error(map, spec, $"has more than {MaxValues} values between its bounds, or bounds beyond 1e9: expected a "
                + "larger 'step'");
        }

        List<ParameterSetting> values = [];
        decimal step = (decimal)written;
        for (decimal value = (decimal)range.Minimum; value <= (decimal)range.Maximum; value += step)
        {
            values.Add(new NumberSetting((double)value));
        }

        return values;
    }

    private static RecipeException Error(Node node, ParameterSpec spec, string reason) =>
        new(node.Location, $"parameter '{spec.Name}' {reason}");
}
