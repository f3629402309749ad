using Interfuse.Checkpoints;

namespace Interfuse.Merging.Recipes;

/// <summary>What to merge and how: a mergekit-style recipe, checked, with the places it was read from.</summary>
/// <remarks>Either <see cref="Models"/> or <see cref="Slices"/> has entries, never both.</remarks>
public sealed record Recipe
{
    internal Recipe()
    {
    }

    /// <summary>The name of the merge method.</summary>
    public required string MergeMethod { get; init; }

    /// <summary>Where the method is named.</summary>
    public SourceLocation? MethodLocation { get; init; }

    /// <summary>The model the others are fine-tunes of, or null.</summary>
    public ModelReference? BaseModel { get; init; }

    /// <summary>The models of a whole-model merge, in the order written; empty for a merge of slices.</summary>
    public IReadOnlyList<RecipeSource> Models { get; init; } = [];

    /// <summary>The slices of an assembly of layers, in the order written; empty for a whole-model merge.</summary>
    public IReadOnlyList<RecipeSlice> Slices { get; init; } = [];

    /// <summary>The parameters set at the top level; they have the lowest precedence.</summary>
    public ParameterSet Parameters { get; init; } = ParameterSet.Empty;

    /// <summary>The type the recipe asks to load and merge in, or null.</summary>
    public DType? DType { get; init; }

    /// <summary>The type the recipe asks to save in, or null.</summary>
    public DType? OutDType { get; init; }

    /// <summary>Where the tokenizer comes from: <c>base</c> for the base model, a model's path, or null.</summary>
    public ModelReference? TokenizerSource { get; init; }

    /// <summary>What is searched for before the result is merged, or null.</summary>
    public RecipeSearch? Search { get; init; }

    /// <summary>How candidates are compared, where the recipe chooses among several merges; else null.</summary>
    public RecipeEvaluation? Evaluation { get; init; }

    /// <summary>The YAML as written; for a recipe built in C# what <see cref="ToYaml"/> gives.</summary>
    public required string Text { get; init; }

    /// <summary>The file the recipe is from, as it was given, or null.</summary>
    public string? Path { get; init; }

    /// <summary>What is odd about the recipe but no error, each as <c>path:line:column: sentence</c>.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The full path of the folder the recipe's file is in, or null.</summary>
    internal string? Folder => Path is null ? null : System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path));

    /// <summary>Every model that is merged, as often as the recipe lists it.</summary>
    internal IEnumerable<RecipeSource> AllSources => Models.Concat(Slices.SelectMany(slice => slice.Sources));

    /// <summary>Every directory and file that carrying the recipe out reads, as often as it is named.</summary>
    public IEnumerable<ModelReference> Paths =>
    [
        .. BaseModel is null ? [] : new[] { BaseModel },
        .. AllSources.Select(source => source.Model),
        .. TokenizerSource is null or { Text: "base" } ? [] : new[] { TokenizerSource },
        .. Evaluation?.Tasks ?? [],
    ];

    // Null for what ResolvePath does by itself.
    private Func<ModelReference, string>? Resolver { get; init; }

    /// <summary>Reads a recipe from a file.</summary>
    /// <param name="path">A YAML file in UTF-8, of at most 1 MiB.</param>
    /// <param name="methods">The methods it may name.</param>
    /// <exception cref="RecipeException">The file can't be read or is no correct recipe.</exception>
    public static Recipe Load(string path, IReadOnlyCollection<MethodSignature> methods)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(methods);
        return new RecipeReader(methods).Read(RecipeText.Load(path), path, located: true);
    }

    /// <summary>Reads a recipe from a text.</summary>
    /// <param name="yaml">The YAML, of at most 2^20 characters.</param>
    /// <param name="path">The file it is from, which relative paths and messages refer to; or null.</param>
    /// <param name="methods">The methods it may name.</param>
    /// <exception cref="RecipeException">The text is no correct recipe.</exception>
    public static Recipe Parse(string yaml, string? path, IReadOnlyCollection<MethodSignature> methods)
    {
        ArgumentNullException.ThrowIfNull(yaml);
        ArgumentNullException.ThrowIfNull(methods);
        RecipeText.CheckSize(yaml.Length, new SourceLocation(path, 0, 0));
        RecipeText.CheckCharacters(yaml, path);
        return new RecipeReader(methods).Read(yaml.TrimStart('\uFEFF'), path, located: true);
    }

    /// <summary>Begins a recipe in C#.</summary>
    /// <param name="mergeMethod">The name of the merge method.</param>
    public static RecipeBuilder With(string mergeMethod) => new(mergeMethod);

    /// <summary>The recipe as YAML: the same meaning, without comments and anchors.</summary>
    public string ToYaml() => RecipeWriter.Write(this);

    /// <summary>The same recipe, whose paths lead where a caller says.</summary>
    /// <param name="resolve">Gives the full path of one of <see cref="Paths"/>; what it throws, <see cref="ResolvePath"/>
    /// does.</param>
    public Recipe WithPaths(Func<ModelReference, string> resolve)
    {
        ArgumentNullException.ThrowIfNull(resolve);
        return this with { Resolver = resolve };
    }

    /// <summary>
    /// A path as written, told apart without looking at the disk: <c>./a</c>, <c>a</c> and <c>a/</c> are one model.
    /// </summary>
    internal string FullPath(ModelReference model) => System.IO.Path.TrimEndingDirectorySeparator(
        System.IO.Path.GetFullPath(model.Text, Folder ?? Environment.CurrentDirectory));

    /// <summary>Finds the directory that a model's path means.</summary>
    /// <param name="model">A model of this recipe.</param>
    /// <returns>
    /// The full path: an absolute path as it is; a relative one in the recipe's folder, or where nothing is there and
    /// something is in the working directory, in that. Where nothing is in either, the path in the recipe's folder. Another
    /// path where <see cref="WithPaths"/> says so.
    /// </returns>
    public string ResolvePath(ModelReference model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (Resolver is not null)
        {
            return Resolver(model);
        }

        string inWorkingDirectory = System.IO.Path.GetFullPath(model.Text);
        string inFolder = System.IO.Path.GetFullPath(model.Text, Folder ?? Environment.CurrentDirectory);
        return !System.IO.Path.Exists(inFolder) && System.IO.Path.Exists(inWorkingDirectory)
            ? inWorkingDirectory
            : inFolder;
    }
}
