using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;

namespace Interfuse.Experts.Analysis;

/// <summary>The open models of a recipe, and which tensors of theirs are compared.</summary>
internal sealed class AnalysisInputs : IDisposable
{
    private readonly List<Checkpoint> _models = [];

    private AnalysisInputs()
    {
    }

    public Checkpoint Base => _models[0];

    public IReadOnlyList<string> Names { get; private set; } = [];

    public List<ComparedTensor> Tensors { get; } = [];

    public List<string> Warnings { get; } = [];

    /// <summary>Opens the models and matches their tensors by name.</summary>
    /// <exception cref="RecipeException">The recipe has no base, or too few or too many models.</exception>
    /// <exception cref="CheckpointFormatException">A model can't be read, or has not what the base has.</exception>
    public static AnalysisInputs Open(Recipe recipe)
    {
        (RecipeSource[] experts, string basePath) = ModelsOf(recipe);
        var inputs = new AnalysisInputs();
        try
        {
            inputs._models.Add(Checkpoint.Open(basePath));
            foreach (RecipeSource expert in experts)
            {
                inputs._models.Add(Checkpoint.Open(recipe.ResolvePath(expert.Model)));
            }

            inputs.Names = NamesOf(experts);
            inputs.Match();
            return inputs;
        }
        catch
        {
            inputs.Dispose();
            throw;
        }
    }

    public void Dispose() => _models.ForEach(model => model.Dispose());

    private static (RecipeSource[] Experts, string BasePath) ModelsOf(Recipe recipe)
    {
        var place = recipe.MethodLocation ?? new SourceLocation(recipe.Path, 0, 0);
        if (recipe.BaseModel is not { } baseModel)
        {
            throw new RecipeException(place, "an analysis measures the models against 'base_model' and the recipe has none: "
                + "write `base_model: ./path` at the top level, and a method that takes one, for example ties");
        }

        if (recipe.Slices.Count > 0)
        {
            throw new RecipeException(
                recipe.Slices[0].Location, "an analysis compares whole models, not slices: list them under 'models'");
        }

        string basePath = recipe.ResolvePath(baseModel);
        RecipeSource[] experts =
            [.. recipe.Models.Where(source => PathOf(recipe.ResolvePath(source.Model)) != PathOf(basePath))];
        return experts.Length is >= 2 and <= ChannelPartition.MaxExperts
            ? (experts, basePath)
            : throw new RecipeException(
                place,
                $"an analysis compares 2 to {ChannelPartition.MaxExperts} models besides 'base_model', found {experts.Length}");
    }

    private static string PathOf(string path) => Path.TrimEndingDirectorySeparator(path);

    // As the recipe calls it, or the last part of the path; the whole path where that would be there twice.
    private static string[] NamesOf(RecipeSource[] experts)
    {
        string[] names =
            [.. experts.Select(expert => expert.Name ?? Path.GetFileName(PathOf(Path.GetFullPath(expert.Model.Text))))];
        return [.. names.Select((name, i) => names.Count(other => other == name) > 1 ? experts[i].Model.Text : name)];
    }

    private void Match()
    {
        foreach (CheckpointTensor tensor in Base.Tensors)
        {
            if (!tensor.DType.IsArithmetic() || tensor.ElementCount == 0)
            {
                Warnings.Add(
                    $"'{tensor.Name}' is left out: {tensor.DType.SafetensorsName()} of shape {Shape(tensor)} is nothing to compare");
            }
            else if (Find(tensor) is { } experts)
            {
                Tensors.Add(Fit(tensor, experts));
            }
        }

        if (Tensors.Count == 0)
        {
            throw new CheckpointFormatException(Base.Path, "holds no floating-point tensor to compare the models by");
        }

        foreach (Checkpoint model in _models.Skip(1))
        {
            string[] others = [.. model.Tensors.Where(tensor => !Base.TryGetTensor(tensor.Name, out _))
                .Select(tensor => tensor.Name)];
            if (others.Length > 0)
            {
                Warnings.Add($"{model.Path} has what the base has not; left out: {string.Join(", ", others.Take(3))}"
                    + (others.Length > 3 ? $" and {others.Length - 3} more" : ""));
            }
        }
    }

    private CheckpointTensor[]? Find(CheckpointTensor wanted)
    {
        var found = new List<CheckpointTensor>();
        foreach (Checkpoint model in _models.Skip(1))
        {
            if (model.TryGetTensor(wanted.Name, out CheckpointTensor? tensor))
            {
                found.Add(tensor.DType.IsArithmetic() ? tensor : throw new CheckpointFormatException(
                    tensor.File.Path,
                    $"is {tensor.DType.SafetensorsName()}; expected are floating-point weights like the base's, so convert it first",
                    wanted.Name));
            }
            else if (LayerNames.IsComputedBuffer(wanted.Name) || wanted.Name == LayerNames.Head)
            {
                Warnings.Add($"'{wanted.Name}' is left out: {model.Path} doesn't have it");
                return null;
            }
            else
            {
                throw new CheckpointFormatException(
                    model.Path,
                    $"is missing, but {Base.Path} has it; all models must have the same architecture and number of layers",
                    wanted.Name);
            }
        }

        return [.. found];
    }

    private ComparedTensor Fit(CheckpointTensor tensor, CheckpointTensor[] experts)
    {
        bool isEmbedding = LayerNames.IsEmbedding(tensor.Name) && tensor.Shape.Length == 2;
        long rows = tensor.Shape.Length < 2 ? 1 : tensor.Shape[0];
        long columns = tensor.ElementCount / rows;
        foreach (CheckpointTensor expert in experts.Where(expert => !expert.Shape.SequenceEqual(tensor.Shape)))
        {
            if (!isEmbedding || expert.Shape.Length != 2 || expert.Shape[1] != columns || expert.Shape[0] == 0)
            {
                throw new CheckpointFormatException(
                    expert.File.Path,
                    $"has the shape {Shape(expert)}, but the base's is {Shape(tensor)}; all models must have the same architecture",
                    tensor.Name);
            }

            rows = Math.Min(rows, expert.Shape[0]);
        }

        if (isEmbedding && rows < experts.Append(tensor).Max(other => other.Shape[0]))
        {
            Warnings.Add($"'{tensor.Name}' has different vocabularies: only the first {rows} rows are compared");
        }

        return new ComparedTensor(tensor, experts, rows, columns);
    }

    private static string Shape(CheckpointTensor tensor) => $"[{string.Join(", ", tensor.Shape)}]";
}
