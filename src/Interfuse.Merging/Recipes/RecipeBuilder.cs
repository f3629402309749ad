using Interfuse.Checkpoints;

namespace Interfuse.Merging.Recipes;

/// <summary>Builds a recipe in C#; begin with <see cref="Recipe.With"/>.</summary>
/// <remarks>The same grammar holds as for YAML: <see cref="Build"/> checks it, and nothing before.</remarks>
public sealed class RecipeBuilder : ParameterBuilder<RecipeBuilder>
{
    private readonly string _method;
    private readonly List<RecipeSource> _models = [];
    private readonly List<RecipeSlice> _slices = [];
    private ModelReference? _base;
    private ModelReference? _tokenizer;
    private DType? _dtype;
    private DType? _outDType;

    internal RecipeBuilder(string mergeMethod)
    {
        CheckText(mergeMethod, nameof(mergeMethod));
        _method = mergeMethod;
    }

    /// <summary>Names the base model.</summary>
    /// <param name="path">Its directory.</param>
    public RecipeBuilder Base(string path)
    {
        _base = Reference(path);
        return this;
    }

    /// <summary>Adds a model of a whole-model merge.</summary>
    /// <param name="path">Its directory.</param>
    /// <param name="configure">Sets the model's own parameters.</param>
    public RecipeBuilder Model(string path, Action<SourceBuilder>? configure = null)
    {
        _models.Add(SourceBuilder.Build(path, null, configure));
        return this;
    }

    /// <summary>Adds the next slice of an assembly of layers.</summary>
    /// <param name="configure">Adds the sources of the slice and sets its parameters.</param>
    public RecipeBuilder Slice(Action<SliceBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var slice = new SliceBuilder();
        configure(slice);
        _slices.Add(slice.Build());
        return this;
    }

    /// <summary>Sets the type to load and merge in.</summary>
    public RecipeBuilder DType(DType dtype)
    {
        _dtype = dtype;
        return this;
    }

    /// <summary>Sets the type to save in.</summary>
    public RecipeBuilder OutDType(DType dtype)
    {
        _outDType = dtype;
        return this;
    }

    /// <summary>Says where the tokenizer comes from.</summary>
    /// <param name="source"><c>base</c> for the base model, or the directory of a model.</param>
    public RecipeBuilder Tokenizer(string source)
    {
        _tokenizer = Reference(source);
        return this;
    }

    /// <summary>Makes the recipe.</summary>
    /// <param name="methods">The methods it may name.</param>
    /// <exception cref="RecipeException">It is no correct recipe; the message has no line.</exception>
    public Recipe Build(IReadOnlyCollection<MethodSignature> methods)
    {
        ArgumentNullException.ThrowIfNull(methods);
        var draft = new Recipe
        {
            MergeMethod = _method,
            BaseModel = _base,
            Models = _models,
            Slices = _slices,
            Parameters = Parameters,
            DType = _dtype,
            OutDType = _outDType,
            TokenizerSource = _tokenizer,
            Text = "",
        };

        // Through YAML, so that there is one grammar, and a recipe that is built can always be written and read.
        return new RecipeReader(methods).Read(draft.ToYaml(), path: null, located: false);
    }

    internal static void CheckName(string name) => CheckText(name, nameof(name));

    internal static ModelReference Reference(string path)
    {
        CheckText(path, nameof(path));
        return new ModelReference(path, Here);
    }
}

/// <summary>Sets the parameters of one model in a <see cref="RecipeBuilder"/>.</summary>
public sealed class SourceBuilder : ParameterBuilder<SourceBuilder>
{
    private string? _name;

    private SourceBuilder()
    {
    }

    /// <summary>Says what the model is called in the result, where the method keeps models apart.</summary>
    public SourceBuilder Name(string name)
    {
        RecipeBuilder.CheckName(name);
        _name = name;
        return this;
    }

    internal static RecipeSource Build(string path, LayerRange? layers, Action<SourceBuilder>? configure)
    {
        var builder = new SourceBuilder();
        configure?.Invoke(builder);
        return new RecipeSource(RecipeBuilder.Reference(path), layers, builder.Parameters, Here) { Name = builder._name };
    }
}

/// <summary>Sets the sources and parameters of one slice in a <see cref="RecipeBuilder"/>.</summary>
public sealed class SliceBuilder : ParameterBuilder<SliceBuilder>
{
    private readonly List<RecipeSource> _sources = [];

    internal SliceBuilder()
    {
    }

    /// <summary>Adds a model's layers to the slice.</summary>
    /// <param name="path">The model's directory.</param>
    /// <param name="start">The first layer, from 0.</param>
    /// <param name="end">The layer after the last one.</param>
    /// <param name="configure">Sets the model's own parameters.</param>
    public SliceBuilder Source(string path, int start, int end, Action<SourceBuilder>? configure = null)
    {
        _sources.Add(SourceBuilder.Build(path, new LayerRange(start, end), configure));
        return this;
    }

    internal RecipeSlice Build() => new(_sources, Parameters, Here);
}
