namespace Interfuse.Merging.Recipes;

/// <summary>The keys one kind of mapping in a recipe may have.</summary>
/// <param name="Place">Where such a mapping stands, for messages.</param>
/// <param name="Known">The keys with a meaning.</param>
/// <param name="Refused">Keys that mergekit knows and this engine does not yet, with what works instead.</param>
internal sealed record KeyLevel(string Place, string[] Known, params (string Key, string Instead)[] Refused);

/// <summary>Finds keys that would have no effect where they stand.</summary>
/// <param name="methods">The methods whose parameter names are worth recognising in the wrong place.</param>
internal sealed class RecipeKeys(IReadOnlyCollection<MethodSignature> methods)
{
    public static readonly KeyLevel Recipe = new(
        "at the top level of the recipe",
        [
            "merge_method", "base_model", "models", "slices", "parameters", "dtype", "out_dtype", "tokenizer_source",
            "search", "evaluate",
        ],
        ("modules", "write one recipe with 'models' or 'slices'; it covers every tensor of the checkpoint"),
        ("tokenizer", "write `tokenizer_source: base` for base_model's tokenizer, or `tokenizer_source: ./model` for "
            + "that of a model"),
        ("chat_template", "the template comes with the tokenizer files that 'tokenizer_source' names; edit it there"));

    public static readonly KeyLevel Model = new("in an entry of 'models'", ["model", "name", "parameters"]);

    public static readonly KeyLevel Slice = new(
        "in an entry of 'slices'",
        ["sources", "parameters"],
        ("base_model", "name base_model at the top level and list it among the sources of the slice"),
        ("residual_weight", "remove it, mergekit does not use it either"));

    public static readonly KeyLevel Source = new(
        "in an entry of 'sources'",
        ["model", "layer_range", "parameters"]);

    public static readonly KeyLevel Evaluate = new(
        "in 'evaluate'",
        ["tasks", "max_tokens", "limit", "command", "timeout"]);

    public static readonly KeyLevel Search = new(
        "in 'search'",
        ["strategy", "evaluations", "seed", "parameters", "models"]);

    public static readonly KeyLevel SearchModel = new("in an entry of 'models' of 'search'", ["model", "parameters"]);

    public static readonly KeyLevel Range = new("in the bounds of a parameter", ["min", "max", "step"]);

    public static readonly KeyLevel Filter = new("in an entry with a filter", ["filter", "value"]);

    private static readonly KeyLevel[] Levels = [Recipe, Model, Slice, Source, Evaluate, Search];

    /// <summary>Checks that every key of a mapping is known at its level.</summary>
    /// <exception cref="RecipeException">One is not; the message says where it belongs or what was meant.</exception>
    public void Check(MapNode map, KeyLevel level)
    {
        foreach ((ScalarNode key, Node value) in map.Entries)
        {
            if (!level.Known.Contains(key.Text))
            {
                throw new RecipeException(key.Location, Explain(key.Text, value, level));
            }
        }
    }

    private string Explain(string key, Node value, KeyLevel level)
    {
        if (Array.Find(level.Refused, refused => refused.Key == key).Instead is string instead)
        {
            return $"'{key}' {level.Place} is not supported yet: {instead}";
        }

        // One name can have both scopes, in different methods: the place it stands in decides.
        ParameterSpec[] specs = [.. methods.SelectMany(method => method.Parameters).Where(spec => spec.Name == key)];
        if (specs.Length > 0 && level != Filter && level != Range)
        {
            string where = level == Recipe || !Array.Exists(specs, spec => spec.Scope == ParameterScope.Model)
                ? "the top-level 'parameters' of the recipe" : "the 'parameters' of this entry";
            string here = level == Model || level == Source ? "beside 'model'" : level.Place;
            string text = value is ScalarNode { IsNull: false } scalar ? scalar.Text : "...";
            return $"'{key}' is a parameter and has no effect {here}: move it under {where}, "
                + $"`parameters: {{{key}: {text}}}`";
        }

        if (level == Model && key == "layer_range")
        {
            return "'layer_range' has no effect under 'models', which merges whole models: use 'slices' with 'sources' "
                + "to choose layers";
        }

        return Array.Find(Levels, other => other != level && other.Known.Contains(key)) is KeyLevel home
            ? $"key '{key}' has no meaning {level.Place}, expected {Message.List(level.Known)}: '{key}' belongs "
                + home.Place
            : $"unknown key {Message.Quote(key)} {level.Place}{Message.DidYouMean(key, level.Known)} (expected "
                + $"{Message.List(level.Known)})";
    }
}
