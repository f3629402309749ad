namespace Interfuse.Merging.Tests.Recipes;

/// <summary>Recipes with one mistake each, where it is, and words that the message must have.</summary>
internal static class BadRecipes
{
    // Lines 1 to 4; what a case adds begins in line 5.
    private const string TwoModels = """
        merge_method: linear
        models:
          - model: ./a
            parameters: {weight: 1}

        """;

    private const string Slerp = """
        merge_method: slerp
        base_model: ./base
        models:
          - model: ./a

        """;

    public static IEnumerable<TestCaseData> Grammar() =>
    [
        Case("A list instead of a mapping", "- a\n- b", 1, 1, "a list", "merge_method"),
        Case("A word instead of a mapping", "hello", 1, 1, "'hello'", "a mapping"),
        Case("An unknown key", TwoModels + "x_y: 1", 5, 1, "'x_y'", "merge_method, base_model"),
        Case("A misspelled key", TwoModels + "dytpe: float32", 5, 1, "'dytpe'", "did you mean 'dtype'?"),
        Case("A duplicate key", TwoModels + "dtype: float32\ndtype: float16", 6, 1, "'dtype'", "twice", "line 5"),
        Case("A key that is a list", "? [a]\n: b", 1, 3, "a key is a list"),
        Case("A key of another level", TwoModels + "layer_range: [0, 1]", 5, 1, "in an entry of 'sources'"),
        Case("A top-level key beside a model", Model("dtype: float16"), 4, 5, "'dtype'", "at the top level"),
        Case("No method", "models:\n  - model: ./a", 1, 1, "no 'merge_method'", "linear, slerp"),
        Case("An empty method", "merge_method:\nmodels:\n  - model: ./a", 1, 1, "no 'merge_method'"),
        Case("A method that is a list", "merge_method: [ties]", 1, 15, "a list", "linear, slerp"),
        Case("A method in capitals", "merge_method: TIES", 1, 15, "'TIES'", "did you mean 'ties'?", "karcher"),
        Case("A method with a dash", "merge_method: dare-ties", 1, 15, "did you mean 'dare_ties'?"),
        Case("An unknown method", "merge_method: quantum", 1, 15, "unknown merge method 'quantum'", "linear, slerp"),
        Case("Neither models nor slices", "merge_method: linear\ndtype: float32", 1, 1,
            "neither 'models' nor 'slices'"),
        Case("Both models and slices", TwoModels + "slices: [{}]", 5, 1, "both 'models' and 'slices'"),
        Case("Models without value", "merge_method: linear\nmodels:", 2, 1, "'models' is empty"),
        Case("Models as an empty list", "merge_method: linear\nmodels: []", 2, 9, "'models' is empty"),
        Case("Models as a mapping", "merge_method: linear\nmodels: {model: ./a}", 2, 9, "a mapping",
            "begin each entry"),
        Case("A model that is only a path", "merge_method: linear\nmodels:\n  - ./a", 3, 5, "'./a'",
            "`- model: ./path`"),
        Case("An entry without model", "merge_method: linear\nmodels:\n  - parameters: {weight: 1}", 3, 5,
            "'model' is missing"),
        Case("A model that is a list", Model("", "[./a]"), 3, 12, "a list", "local directory"),
        Case("A model without path", Model("", "''"), 3, 12, "path of a local directory"),
        Case("A model with revision", Model("", "{model: {path: ./a, revision: main}}"), 3, 12,
            "not supported yet", "local directories"),
        Case("A model with LoRA", Model("", "{model: ./a, lora: ./l}"), 3, 12, "LoRA", "not supported yet",
            "merge the adapter"),
        Case("A base model that is a list", "merge_method: ties\nbase_model: [./b]\nmodels: [{model: ./a}]", 2, 13,
            "a list"),
        Case("Layers under models", Model("layer_range: [0, 4]"), 4, 5, "'layer_range'", "use 'slices'"),
        Case("Modules", "merge_method: linear\nmodules: {}", 2, 1, "'modules'", "not supported yet",
            "'models' or 'slices'"),
        Case("A tokenizer mapping", TwoModels + "tokenizer: {source: base}", 5, 1, "not supported yet",
            "tokenizer_source: base"),
        Case("A tokenizer of all models", TwoModels + "tokenizer_source: union", 5, 19, "union", "not supported yet",
            "`base`"),
        Case("A chat template", TwoModels + "chat_template: auto", 5, 1, "not supported yet", "tokenizer"),
        Case("The base's tokenizer without a base", TwoModels + "tokenizer_source: base", 5, 19, "no 'base_model'"),
        Case("A short dtype", TwoModels + "dtype: bf16", 5, 8, "'bf16'", "did you mean 'bfloat16'?"),
        Case("A misspelled dtype", TwoModels + "out_dtype: torch.bflot16", 5, 12, "did you mean 'bfloat16'?"),
        Case("Double precision", TwoModels + "dtype: float64", 5, 8, "float64 is not supported", "float32"),
        Case("Whole numbers", TwoModels + "dtype: torch.int64", 5, 8, "int64 is not supported"),
        Case("A dtype that is a list", TwoModels + "dtype: [float32]", 5, 8, "a list", "float32, float16 or bfloat16"),
        Case("Slices as a mapping", "merge_method: linear\nslices: {}", 2, 9, "a mapping"),
        Case("A slice without sources", "merge_method: linear\nslices:\n  - parameters: {}", 3, 5, "no 'sources'"),
        Case("A slice with a base", "merge_method: linear\nslices:\n  - sources: []\n    base_model: ./a", 4, 5,
            "not supported yet", "top level"),
        Case("A residual weight", "merge_method: linear\nslices:\n  - residual_weight: 1", 3, 5, "not supported yet"),
        Case("A source without layers", "merge_method: linear\nslices:\n  - sources:\n      - model: ./a", 4, 9,
            "'layer_range' is missing", "[0, 16]"),
        Case("One layer number", Slices("[4]"), 6, 22, "a list of 1 value"),
        Case("Layers as a word", Slices("0-4"), 6, 22, "'0-4'", "[0, 16]"),
        Case("A negative layer", Slices("[-1, 4]"), 6, 23, "'-1'", "whole number from 0"),
        Case("Half a layer", Slices("[0, 1.5]"), 6, 26, "'1.5'", "whole number"),
        Case("Layers backwards", Slices("[4, 2]"), 6, 22, "[4, 2]", "ends before it begins"),
        Case("Unequal numbers of layers", Slices("[0, 5]"), 6, 22, "5 layers", "4", "'./a'"),
    ];

    public static IEnumerable<TestCaseData> Models() =>
    [
        Case("A base missing", "merge_method: ties\nmodels:\n  - model: ./a", 1, 15, "ties needs 'base_model'",
            "`base_model: ./path`"),
        Case("A base without meaning", "merge_method: passthrough\nbase_model: ./b\nmodels: [{model: ./a}]", 2, 13,
            "passthrough does not use 'base_model'", "remove it"),
        Case("Only the base", "merge_method: slerp\nbase_model: ./b\nmodels:\n  - model: ./b", 3, 1,
            "exactly 1 model besides base_model", "found 0"),
        Case("Too many besides the base", Slerp + "  - model: ./b", 5, 5, "exactly 1 model besides base_model",
            "found 2"),
        Case("Too few", "merge_method: karcher\nmodels:\n  - model: ./a", 2, 1, "at least 2 models, found 1"),
        Case("Too many", "merge_method: karcher\nmodels: [{model: a}, {model: b}, {model: c}, {model: d}]", 2, 46,
            "at most 3 models, found 4"),
        Case("A model twice", TwoModels + "  - model: a/", 5, 5, "'a/' is here twice", "line 3"),
        Case("A model twice in a slice", Slices("[4, 8]", "./a"), 5, 9, "'./a' is here twice", "line 4"),
        Case("A slice without the base", Slices("[0, 4]", method: "slerp", more: "base_model: ./base"), 3, 5,
            "'./base' is no source", "layer_range: [0, 4]"),
        Case("A slice with too many", Slices("[0, 4]", method: "passthrough"), 5, 9, "exactly 1 model, found 2"),
    ];

    public static IEnumerable<TestCaseData> Parameters() =>
    [
        Case("A parameter beside its model", Model("weight: 0.5"), 4, 5, "is a parameter", "no effect beside 'model'",
            "'parameters' of this entry", "`parameters: {weight: 0.5}`"),
        Case("A parameter beside empty parameters", Model("parameters:\n    weight: 0.5"), 5, 5, "'weight'",
            "move it under"),
        Case("A parameter beside the method", TwoModels + "normalize: true", 5, 1, "top-level 'parameters'",
            "`parameters: {normalize: true}`"),
        Case("A merge parameter beside a model", Model("normalize: true"), 4, 5, "top-level 'parameters'"),
        Case("A merge parameter under a model", Model("parameters: {normalize: true}"), 4, 18,
            "one value for the whole merge", "top-level 'parameters'"),
        Case("An unknown parameter", Model("parameters: {density: 1}"), 4, 18, "linear has no parameter 'density'",
            "weight, normalize"),
        Case("A misspelled parameter", Model("parameters: {wieght: 1}"), 4, 18, "did you mean 'weight'?"),
        Case("A parameter of a method without", "merge_method: karcher\nmodels: [{model: a}, {model: b}]\n"
            + "parameters: {weight: 1}", 3, 14, "karcher has no parameter 'weight' (it has none)"),
        Case("Parameters as a list", Model("parameters: [weight]"), 4, 17, "a list", "a mapping of names"),
        Case("A parameter twice", Model("parameters: {weight: 1, weight: 2}"), 4, 29, "'weight'", "twice"),
        Case("No value", Weight(""), 4, 26, "'weight' is nothing", "a finite number"),
        Case("A word", Weight("heavy"), 4, 26, "'heavy'", "a finite number"),
        Case("Not a number", Weight(".nan"), 4, 26, "'.nan'", "a finite number"),
        Case("An infinite number", Weight("-.inf"), 4, 26, "'-.inf'", "a finite number"),
        Case("A number too large for a double", Weight("1e999"), 4, 26, "'1e999'", "a finite number"),
        Case("A quoted boolean", Weight("'true'"), 4, 26, "'true'", "remove the quotes"),
        Case("An empty gradient", Weight("[]"), 4, 26, "empty gradient"),
        Case("A word in a gradient", Weight("[0, x]"), 4, 30, "'x'", "a finite number"),
        Case("A list in a gradient", Weight("[0, [1]]"), 4, 30, "list within a gradient"),
        Case("A filter among numbers", Weight("[0, {value: 1}]"), 4, 30, "mixes numbers and filters"),
        Case("A number among filters", Weight("[{filter: mlp, value: 1}, 0.5]"), 4, 52, "mixes filters",
            "`- value: 0.5`"),
        Case("A filter that is no list", Weight("{filter: mlp, value: 1}"), 4, 26, "a mapping", "a list"),
        Case("A filter without value", Weight("[{filter: mlp}]"), 4, 27, "without a value"),
        Case("A filter with a misspelled key", Weight("[{fliter: mlp, value: 1}]"), 4, 28, "did you mean 'filter'?"),
        Case("A filter that is a list", Weight("[{filter: [mlp], value: 1}]"), 4, 36, "a list", "tensor's name"),
        Case("A filter in a filter", Weight("[{value: [{value: 1}]}]"), 4, 35, "filters within a filter"),
        Case("Above the maximum", Slerp + "parameters: {t: 1.5}", 5, 17, "'t' is '1.5'", "from 0 to 1"),
        Case("Below the minimum", Slerp + "parameters: {t: -0.1}", 5, 17, "'t' is '-0.1'", "from 0 to 1"),
        Case("Above the maximum in a gradient", Slerp + "parameters: {t: [0, 2]}", 5, 21, "'2'", "from 0 to 1"),
        Case("Above the maximum in a filter", Slerp + "parameters: {t: [{filter: mlp, value: [0, 3]}]}", 5, 43, "'3'"),
        Case("A flag that is a number", TwoModels + "parameters: {normalize: 0.5}", 5, 25, "'0.5'", "true or false"),
        Case("A flag that is a word", TwoModels + "parameters: {normalize: maybe}", 5, 25, "'maybe'", "true or false"),
        Case("A flag with a gradient", TwoModels + "parameters: {normalize: [true, false]}", 5, 25,
            "gradient of the wrong kind"),
    ];

    public static IEnumerable<TestCaseData> Yaml() =>
    [
        Case("Two documents", TwoModels + "---\nmerge_method: linear", 5, 1, "a second document"),
        Case("An unclosed bracket", Weight("[0, 1"), 4, 31, "bracket opened in line 4, column 26"),
        Case("An unclosed bracket before a key", TwoModels + "parameters: {normalize: [\ndtype: float32", 5, 25,
            "bracket opened in line 5, column 25"),
        Case("A key indented too far", "merge_method: linear\n  dtype: float32", 2, 8, "indentation"),
        Case("A line that is no key", "merge_method: linear\nmodels", 2, 1, "`key: value`"),
        Case("A line among keys", "merge_method: linear\nab\ndtype: float32", 2, 3, "`key: value`"),
        Case("A tab", "merge_method: linear\n\tdtype: float32", 2, 1, "tab", "use spaces"),
        Case("A missing key", "merge_method: linear\n: x", 2, 3, "a key is missing before ':'"),
        Case("A missing first key", "parameters:\n  : x\n  t: 1", 2, 4, "a key is missing before ':'"),
        Case("An escape that is no character", "a: \"\\UFFFFFFFF\"", 1, 2, "escape"),
        Case("An alias to nothing", "merge_method: *m", 1, 15, "'*m' refers to nothing"),
        Case("An alias to itself", "models: &m\n  - *m", 2, 5, "stands inside the value"),
        Case("A tag", "merge_method: !!python/object:os.system x", 1, 15, "has no meaning"),
        Case("A merge of a word", "<<: linear", 1, 5, "'<<' merges 'linear'", "a mapping"),
        Case("Half a character", "merge_method: linear\ndtype: \ud800", 2, 8, "surrogate"),
        Case("A path with a zero", Model("", "\"a\\0b\""), 3, 12, "zero character"),
    ];

    private static TestCaseData Case(string name, string yaml, int line, int column, params string[] words) =>
        new TestCaseData(yaml, line, column, words).SetArgDisplayNames(name);

    // What is added stands in line 4, column 5.
    private static string Model(string added, string model = "./a") =>
        $"merge_method: linear\nmodels:\n  - model: {model}\n    {added}\n";

    // The value stands in line 4, column 26, the closing brace in the same line.
    private static string Weight(string value) => Model($"parameters: {{weight: {value}}}");

    // The second source's layers stand in line 6, column 22; the first has 4 layers.
    private static string Slices(string layers, string second = "./b", string method = "linear", string more = "") =>
        $$"""
        merge_method: {{method}}
        slices:
          - sources:
              - {model: ./a, layer_range: [0, 4]}
              - model: {{second}}
                layer_range: {{layers}}
        {{more}}
        """;
}
