using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts;
using Interfuse.Experts.Encoders;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Testing;

namespace Interfuse.Inference.Tests.Models;

/// <summary>A pack of variations of a small model, every tensor of each its own: norms and biases as well.</summary>
internal sealed class VariedExperts : IDisposable
{
    private readonly TempFolder _folder = new();

    /// <summary>Makes the pack.</summary>
    /// <param name="model">A reference model's name.</param>
    /// <param name="experts">How many variations, named a, b and so on.</param>
    /// <param name="dtype">The type of weights.</param>
    /// <param name="strength">How far they vary, as a share of a weight; at 0 all are the same, but kept apart.</param>
    /// <param name="broken">Which of them has no numbers for weights, or -1.</param>
    public VariedExperts(string model, int experts, DType dtype = DType.BFloat16, float strength = 0.3f, int broken = -1)
    {
        string source = new ReferenceModel(model).Path;
        Config = File.ReadAllText(System.IO.Path.Combine(source, "config.json"));
        string[] names = [.. Enumerable.Range(0, experts).Select(expert => $"{(char)('a' + expert)}")];
        for (int expert = 0; expert < experts; expert++)
        {
            Vary(source, _folder[names[expert]], dtype, expert, expert == broken ? float.NaN : strength);
        }

        // Where tensors are the same they would be shared: what is stored is the mean then, of the same values.
        string storage = strength == 0 ? "storage: grouped, similarity: euclidean" : "share_within: 0";
        string yaml = $"""
            merge_method: channel_merging
            base_model: {source}
            models: [{string.Join(", ", names.Select(name => $"{{ model: {_folder[name]} }}"))}]
            parameters: {"{"} groups: {experts}, {storage} {"}"}
            dtype: {(dtype == DType.Float32 ? "float32" : "bfloat16")}
            """;
        Recipe recipe = Recipe.Parse(yaml, _folder["recipe.yml"], PackMethods.RecipeSignatures);
        using PackPlan plan = PackPlan.Create(recipe, new MergeOptions());
        PackEncoder.Run(plan, Path, new MergeProgress(), CancellationToken.None);
    }

    /// <summary>The pack.</summary>
    public string Path => _folder["pack"];

    private string Config { get; }

    /// <summary>Exports a mixture and gives the directory.</summary>
    public string Export(ExpertMix mix)
    {
        string target = _folder[$"export-{mix}"];
        using ExpertPack pack = ExpertPack.Open(Path);
        PackExport.Run(pack, mix, target, new PackExportOptions());
        return target;
    }

    public void Dispose() => _folder.Dispose();

    private void Vary(string source, string target, DType dtype, int seed, float strength)
    {
        var random = new Random(seed);
        var kernels = new CpuKernels();
        var tensors = new List<(TensorSpec Spec, byte[] Data)>();
        using var checkpoint = Checkpoint.Open(source);
        foreach (CheckpointTensor tensor in checkpoint.Tensors)
        {
            byte[] stored = new byte[tensor.ByteLength];
            tensor.Read(0, stored);
            float[] values = new float[stored.Length / tensor.DType.Size()];
            kernels.Widen(stored, tensor.DType, values);
            for (int i = 0; i < values.Length; i++)
            {
                values[i] += strength * ((random.NextSingle() - 0.5f) * Math.Abs(values[i]));
            }

            byte[] data = new byte[values.Length * dtype.Size()];
            kernels.Narrow(values, dtype, data);
            tensors.Add((new TensorSpec(tensor.Name, dtype, tensor.Shape), data));
        }

        ModelFolder.Write(target, tensors, config: Config);
    }
}
