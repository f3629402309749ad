using System.Security.Cryptography;
using System.Text;
using Interfuse.Checkpoints;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Planning;

/// <summary>Everything a merge will do, known before any tensor is read: inputs, outputs, and the place of every output byte.</summary>
public sealed class MergePlan : IDisposable
{
    internal MergePlan(
        Recipe recipe,
        MergeOptions options,
        IReadOnlyList<PlanModel> models,
        IReadOnlyList<PlannedTensor> tensors,
        ModelConfig? config,
        IReadOnlyList<(string Path, string Name)> sideFiles,
        IReadOnlyList<string> warnings)
    {
        Recipe = recipe;
        Options = options;
        Models = models;
        Tensors = tensors;
        Config = config;
        SideFiles = sideFiles;
        Warnings = warnings;
        Layout = CheckpointLayout.Create([.. tensors.Select(tensor => tensor.Output)], options.ShardSize);
    }

    /// <summary>The recipe this plan carries out.</summary>
    public Recipe Recipe { get; }

    /// <summary>The options it was made with.</summary>
    public MergeOptions Options { get; }

    /// <summary>The output files and where each tensor stands in them.</summary>
    public CheckpointLayout Layout { get; }

    /// <summary>What the user should know but that doesn't stop the merge.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>The directories the models are read from.</summary>
    public IReadOnlyList<string> ModelPaths => [.. Models.Select(model => model.Checkpoint.Path)];

    /// <summary>The number of output tensors.</summary>
    public int TensorCount => Tensors.Count;

    /// <summary>The number of output elements.</summary>
    public long ParameterCount => Tensors.Sum(tensor => tensor.Output.ElementCount);

    /// <summary>Bytes of input elements that are merged, each counted once; methods with statistics passes read them more than once.</summary>
    public long InputBytes => Tensors.Sum(tensor => tensor.Inputs.Sum(input => input.DType.Size() * tensor.Output.ElementCount));

    /// <summary>Bytes of all output weight files.</summary>
    public long OutputBytes => Layout.TotalBytes;

    internal IReadOnlyList<PlanModel> Models { get; }

    internal IReadOnlyList<PlannedTensor> Tensors { get; }

    /// <summary>The configuration to write, or null where the inputs are bare weight files.</summary>
    internal ModelConfig? Config { get; }

    /// <summary>Files to carry over: full path and name in the output.</summary>
    internal IReadOnlyList<(string Path, string Name)> SideFiles { get; }

    /// <summary>More files for the output, by name.</summary>
    internal IReadOnlyList<(string Name, byte[] Content)> Attachments { get; set; } = [];

    /// <summary>A digest of all that decides the output's bytes: what was begun under another digest can't be resumed.</summary>
    internal string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        void Add(string text) => hash.AppendData(Encoding.UTF8.GetBytes(text + "\n"));

        Add($"{Recipe.ToYaml()}|{Options.Seed}|{Options.Semantics}|{Options.TruncateEmbeddings}");
        foreach (SafetensorsFile file in Models.SelectMany(model => model.Checkpoint.Tensors).Select(tensor => tensor.File).Distinct())
        {
            Add($"{file.Path}|{file.Length}|{File.GetLastWriteTimeUtc(file.Path).Ticks}");
        }

        // With tokenizer_source these decide which row goes where.
        foreach (PlanModel model in Models)
        {
            var tokenizer = new FileInfo(Path.Combine(model.Checkpoint.Path, "tokenizer.json"));
            Add(tokenizer.Exists ? $"{tokenizer.FullName}|{tokenizer.Length}|{tokenizer.LastWriteTimeUtc.Ticks}" : "");
        }

        foreach (CheckpointLayout.Shard shard in Layout.Shards)
        {
            hash.AppendData(shard.Header);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Closes the models' files.</summary>
    public void Dispose()
    {
        foreach (PlanModel model in Models)
        {
            model.Checkpoint.Dispose();
        }
    }

    /// <summary>Reads the headers of every model the recipe names and plans the merge.</summary>
    /// <exception cref="RecipeException">The recipe asks for something these models can't give.</exception>
    /// <exception cref="CheckpointFormatException">A model's files are unsound, or the models don't fit together.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The options ask for no thread, or for shards of no bytes.</exception>
    public static MergePlan Create(Recipe recipe, MergeOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ShardSize, 1);
        if (recipe.Evaluation is { } evaluation)
        {
            throw new RecipeException(evaluation.Location, "this recipe chooses among several merges, expected one that "
                + "says what to merge: `interfuse merge` runs it, and ModelSearch in C#");
        }

        return new Planner(recipe, options).Plan();
    }
}

/// <summary>One output tensor and where its elements come from.</summary>
/// <param name="Output">Name, type and shape of the output.</param>
/// <param name="Inputs">The inputs, each with as many elements as the output; the base first where the method requires one.</param>
/// <param name="Settings">What the method is told, or null for a tensor that is copied from its one input.</param>
internal sealed record PlannedTensor(TensorSpec Output, IReadOnlyList<TensorSource> Inputs, TensorSettings? Settings);
