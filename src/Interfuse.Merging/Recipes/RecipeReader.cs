using Interfuse.Checkpoints;

namespace Interfuse.Merging.Recipes;

/// <summary>Makes a recipe of its YAML.</summary>
/// <param name="methods">The methods a recipe may name.</param>
internal sealed class RecipeReader(IReadOnlyCollection<MethodSignature> methods)
{
    // Common ways to write the three types, for suggestions.
    private static readonly Dictionary<string, string> DTypeAliases = new(StringComparer.OrdinalIgnoreCase)
    {
        ["bf16"] = "bfloat16",
        ["f16"] = "float16",
        ["fp16"] = "float16",
        ["half"] = "float16",
        ["f32"] = "float32",
        ["fp32"] = "float32",
        ["float"] = "float32",
    };

    private readonly RecipeKeys _keys = new(methods);
    private readonly List<string> _warnings = [];

    /// <summary>Reads a recipe.</summary>
    /// <param name="yaml">Its text.</param>
    /// <param name="path">The file it is from, or null.</param>
    /// <param name="located">False for generated text, whose lines mean nothing to anybody.</param>
    public Recipe Read(string yaml, string? path, bool located)
    {
        Node root = NodeReader.Read(yaml, path, located);
        if (root is not MapNode map)
        {
            throw new RecipeException(root.Location, $"the recipe is {root.Describe()}, expected a mapping with "
                + "'merge_method' and 'models'");
        }

        _keys.Check(map, RecipeKeys.Recipe);
        MethodSignature method = ReadMethod(map);
        var parameters = new ParameterReader(method, _keys, _warnings);
        var sources = new SourceReader(parameters, _keys, method.NamesModels);
        (Node? models, Node? slices) = ReadKind(map);
        var recipe = new Recipe
        {
            MergeMethod = method.Name,
            MethodLocation = map["merge_method"]!.Location,
            BaseModel = map["base_model"] is { } model ? SourceReader.ReadModel(model, "base_model") : null,
            Models = models is null ? [] : sources.ReadModels(models),
            Slices = slices is null ? [] : sources.ReadSlices(slices),
            Parameters = parameters.Read(map, isModel: false),
            DType = ReadDType(map, "dtype"),
            OutDType = ReadDType(map, "out_dtype"),
            TokenizerSource = ReadTokenizer(map),
            Search = new SearchReader(parameters, _keys).Read(map),
            Evaluation = new EvaluationReader(_keys).Read(map),
            Text = yaml,
            Path = path,
            Warnings = _warnings,
        };
        new RecipeRules(method, recipe).Check(map.LocationOf("models"), _warnings);
        new SearchRules(method, recipe).Check();
        return recipe;
    }

    private MethodSignature ReadMethod(MapNode map)
    {
        string names = Message.List(methods.Select(method => method.Name));
        if (map["merge_method"] is not { } node)
        {
            throw new RecipeException(map.LocationOf("merge_method"), "the recipe has no 'merge_method', expected one "
                + $"of {names}");
        }

        if (node is not ScalarNode { Text: var name })
        {
            throw new RecipeException(node.Location, $"'merge_method' is {node.Describe()}, expected one of {names}");
        }

        return methods.FirstOrDefault(method => method.Name == name)
            ?? throw new RecipeException(node.Location, $"unknown merge method {Message.Quote(name)}"
                + $"{Message.DidYouMean(name, methods.Select(method => method.Name))} (expected one of {names})");
    }

    private static (Node? Models, Node? Slices) ReadKind(MapNode map)
    {
        Node? models = map["models"];
        Node? slices = map["slices"];
        if (models is not null && slices is not null)
        {
            throw new RecipeException(map.LocationOf("slices"), "the recipe has both 'models' and 'slices', expected "
                + "one: 'models' merges whole models, 'slices' assembles layers");
        }

        if (models is not null || slices is not null)
        {
            return (models, slices);
        }

        string? empty = map.Entries.FirstOrDefault(entry => entry.Key.Text is "models" or "slices").Key?.Text;
        throw empty is null
            ? new RecipeException(map.Location, "the recipe has neither 'models' nor 'slices', expected one of them: "
                + "list what to merge, `models: [{model: ./path}]`")
            : new RecipeException(map.LocationOf(empty), $"'{empty}' is empty, expected a list of what to merge");
    }

    private static DType? ReadDType(MapNode map, string key)
    {
        const string Expected = "expected float32, float16 or bfloat16";
        Node? node = map[key];
        if (node is null)
        {
            return null;
        }

        string text = (node as ScalarNode)?.Text ?? "";
        string name = text.StartsWith("torch.", StringComparison.Ordinal) ? text[6..] : text;
        string suggestion = DTypeAliases.TryGetValue(name, out string? alias)
            ? $", did you mean '{alias}'?" : Message.DidYouMean(name, ["float32", "float16", "bfloat16"]);
        return name switch
        {
            "float32" => Checkpoints.DType.Float32,
            "float16" => Checkpoints.DType.Float16,
            "bfloat16" => Checkpoints.DType.BFloat16,
            "float64" => throw new RecipeException(node.Location, $"'{key}' float64 is not supported, {Expected}: "
                + "merged values are computed in float32 and no model is served in float64"),
            "int64" => throw new RecipeException(node.Location, $"'{key}' int64 is not supported, {Expected}: weights "
                + "are fractions, merged as whole numbers nothing would be left of them"),
            _ => throw new RecipeException(node.Location, $"'{key}' is {node.Describe()}{suggestion} ({Expected})"),
        };
    }

    private static ModelReference? ReadTokenizer(MapNode map)
    {
        if (map["tokenizer_source"] is not { } node)
        {
            return null;
        }

        return node is ScalarNode { Text: "union" }
            ? throw new RecipeException(node.Location, "'tokenizer_source' union is not supported yet: write `base` "
                + "for base_model's tokenizer, or the path of the model whose tokenizer the result gets")
            : SourceReader.ReadModel(node, "tokenizer_source");
    }
}
