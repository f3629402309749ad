using System.Security.Cryptography;
using Interfuse.Checkpoints;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Testing;

namespace Interfuse.Merging.Tests;

/// <summary>A folder with small models, a recipe beside them and the target <c>out</c>.</summary>
internal sealed class Workshop : IDisposable
{
    private readonly TempFolder _folder = new();

    public static MergeOptions Mergekit { get; } = new() { Semantics = MergeSemantics.Mergekit };

    public string Path => _folder.Path;

    public string Target => _folder["out"];

    public string this[params string[] names] => _folder[names];

    /// <summary>The names of what is in the folder.</summary>
    public IEnumerable<string> Entries =>
        new DirectoryInfo(Path).EnumerateFileSystemInfos().Select(entry => entry.Name);

    public void Model(string name, params (TensorSpec Spec, byte[] Data)[] tensors) =>
        ModelFolder.Write(this[name], tensors);

    public void Model(string name, string config, params (TensorSpec Spec, byte[] Data)[] tensors) =>
        ModelFolder.Write(this[name], tensors, config: config);

    public void Model(string name, TinyModel model) => model.WriteTo(this[name]);

    /// <summary>A model of the one float32 tensor <c>w</c>.</summary>
    public void Vector(string name, params float[] values) =>
        Model(name, ModelTensors.Float32("w", [values.Length], values));

    public string Write(string name, string text) => _folder.Write(name, text);

    /// <summary>The recipe, as if it stood in the folder.</summary>
    public Recipe Read(string yaml) => Recipe.Parse(yaml, this["recipe.yml"], MergeMethods.Signatures);

    public MergePlan Plan(string yaml, MergeOptions? options = null) =>
        MergePlan.Create(Read(yaml), options ?? new MergeOptions());

    public MergeReport Run(string yaml, MergeOptions? options = null, string target = "out")
    {
        using MergePlan plan = Plan(yaml, options);
        return Merger.Run(plan, this[target], new MergeProgress(), CancellationToken.None);
    }

    /// <summary>Merges and gives the output's tensors.</summary>
    public Dictionary<string, double[]> Merge(string yaml, MergeOptions? options = null)
    {
        Run(yaml, (options ?? new MergeOptions()) with { Overwrite = true });
        return ModelTensors.Read(Target);
    }

    /// <summary>Merges models of one tensor <c>w</c> and gives the output's.</summary>
    public double[] MergeVector(string yaml, MergeOptions? options = null) => Merge(yaml, options)["w"];

    /// <summary>Name and digest of every file of a directory.</summary>
    public string[] Digest(string directory = "out") =>
    [
        .. new DirectoryInfo(this[directory]).EnumerateFiles().OrderBy(file => file.Name, StringComparer.Ordinal)
            .Select(file => $"{file.Name} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file.FullName)))}"),
    ];

    public void Dispose() => _folder.Dispose();
}
