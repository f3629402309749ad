using System.Security.Cryptography;
using System.Text;
using Interfuse.Checkpoints;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;

namespace Interfuse.Experts.Encoders;

/// <summary>What an expert pack is made of, known before any tensor is read: the experts, their tensors and side files.</summary>
/// <remarks>How much room each tensor takes depends on the values and is decided later, see <see cref="PackEncoder"/>.</remarks>
public sealed class PackPlan : IDisposable
{
    private readonly IReadOnlyList<PlanModel> _models;

    internal PackPlan(
        Recipe recipe,
        PackMethod method,
        MergeOptions options,
        IReadOnlyList<PlanModel> models,
        IReadOnlyList<string> experts,
        IReadOnlyList<PlannedMatrix> tensors,
        ModelConfig? config,
        IReadOnlyList<(string Path, string Name)> sideFiles,
        IReadOnlyList<string> warnings)
    {
        Recipe = recipe;
        Method = method;
        Options = options;
        _models = models;
        Experts = experts;
        Tensors = tensors;
        Config = config;
        SideFiles = sideFiles;
        Warnings = warnings;
    }

    /// <summary>The recipe this plan carries out.</summary>
    public Recipe Recipe { get; }

    /// <summary>The options it was made with.</summary>
    public MergeOptions Options { get; }

    /// <summary>The experts' names, in ordinal order, whatever that of the recipe is.</summary>
    public IReadOnlyList<string> Experts { get; }

    /// <summary>What the user should know but that doesn't stop the encoding.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>The directories the models are read from.</summary>
    public IReadOnlyList<string> ModelPaths => [.. _models.Select(model => model.Checkpoint.Path)];

    /// <summary>The number of tensors of one expert.</summary>
    public int TensorCount => Tensors.Count;

    /// <summary>The number of elements of one expert.</summary>
    public long ParameterCount => Tensors.Sum(tensor => tensor.Spec.ElementCount);

    /// <summary>What the experts would take one by one, in the types of the pack, in bytes of tensors.</summary>
    public long EnsembleBytes => Tensors.Sum(tensor => tensor.Spec.ByteLength) * Experts.Count;

    /// <summary>Bytes of all models' tensors.</summary>
    public long InputBytes => Tensors.Sum(InputBytesOf);

    /// <summary>
    /// Bytes that are read: what is measured first counts twice. More are read of matrices that don't fit the memory for all
    /// models at once.
    /// </summary>
    public long BytesToRead => Tensors.Sum(tensor =>
        InputBytesOf(tensor) * (tensor.IsWhole && Method is MatrixMethod method && !method.MeasuresMatrix(tensor) ? 1 : 2));

    internal PackMethod Method { get; }

    internal IReadOnlyList<PlannedMatrix> Tensors { get; }

    internal ModelConfig? Config { get; }

    internal IReadOnlyList<(string Path, string Name)> SideFiles { get; }

    internal IReadOnlyList<string> ModelNames => [.. _models.Select(model => model.Name)];

    /// <summary>Reads the headers of every model the recipe names and plans the pack.</summary>
    /// <param name="recipe">A recipe whose method makes packs, see <see cref="PackMethods"/>.</param>
    /// <param name="options">Threads, memory, device and the target's treatment.</param>
    /// <exception cref="RecipeException">The recipe asks for something these models can't give.</exception>
    /// <exception cref="CheckpointFormatException">A model's files are unsound, or the models don't fit together.</exception>
    public static PackPlan Create(Recipe recipe, MergeOptions options)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ShardSize, 1, nameof(options));
        return new PackPlanner(recipe, options).Plan();
    }

    /// <summary>Closes the models' files.</summary>
    public void Dispose()
    {
        foreach (PlanModel model in _models)
        {
            model.Checkpoint.Dispose();
        }
    }

    private static long InputBytesOf(PlannedMatrix tensor) =>
        tensor.Inputs.Sum(input => input.DType.Size() * tensor.Spec.ElementCount);

    /// <summary>A digest of all that decides the pack's bytes.</summary>
    internal string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        void Add(string text) => hash.AppendData(Encoding.UTF8.GetBytes(text + "\n"));

        Add($"{Recipe.ToYaml()}|{Options.Seed}|{Options.TruncateEmbeddings}|{Options.ShardSize}|{string.Join('|', Experts)}");
        foreach (SafetensorsFile file in _models
            .SelectMany(model => model.Checkpoint.Tensors).Select(tensor => tensor.File).Distinct())
        {
            Add($"{file.Path}|{file.Length}|{File.GetLastWriteTimeUtc(file.Path).Ticks}");
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}

/// <summary>A tensor of the pack as a matrix of channels, and where its values come from.</summary>
/// <param name="Spec">Name, type in the pack and shape in an expert's model.</param>
/// <param name="Inputs">The base's values, then each expert's; only the base's where there is nothing to compute.</param>
/// <param name="Grouping">What the recipe says of it, or null where it is copied from the base.</param>
/// <param name="HeadRows">Rows of one attention head, which stay together, or 1.</param>
internal sealed record PlannedMatrix(
    TensorSpec Spec, IReadOnlyList<TensorSource> Inputs, TensorGrouping? Grouping, int HeadRows)
{
    /// <summary>m: the first extent, or 1 where there are fewer than two.</summary>
    public long Channels { get; } = Spec.Shape.Length < 2 ? 1 : Spec.Shape[0];

    /// <summary>n: the elements of a row.</summary>
    public long Columns { get; } = Spec.Shape.Length < 2
        ? Spec.ElementCount
        : Spec.Shape[0] == 0 ? 0 : Spec.ElementCount / Spec.Shape[0];

    /// <summary>What is divided into groups: channels, or whole heads.</summary>
    public long Units => Channels / HeadRows;

    /// <summary>What the recipe says of it to a <see cref="MatrixMethod"/>; null where it is stored by rows.</summary>
    public object? Settings { get; init; }

    /// <summary>Whether a <see cref="MatrixMethod"/> stores it whole.</summary>
    public bool IsWhole => Settings is not null;

    public long RowBytes => Columns * Spec.DType.Size();
}
