using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Interfuse.Checkpoints;
using Interfuse.Experts.Encoders;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Testing;

namespace Interfuse.Server.Tests.Jobs;

/// <summary>Models and recipes for jobs, and what the command line makes of them.</summary>
internal static class JobModels
{
    public static string Tiny { get; } = Repository.PathOf("examples", "tiny-experts");

    // Hours of work, or any part of it.
    public const string Endless = """
        merge_method: task_arithmetic
        base_model: base
        models: [{model: add}, {model: sort}]
        parameters: {weight: 1}
        search:
          strategy: evolution
          evaluations: 10000
          models: [{model: add, parameters: {weight: {min: 0.4, max: 1.6}}}]
        evaluate: {tasks: tasks/add.jsonl, limit: 1, max_tokens: 1}
        """;

    public const string Ties = """
        merge_method: ties
        base_model: ./base
        models: [{model: ./one}, {model: ./two}]
        parameters: {weight: 1, density: 0.4}
        dtype: bfloat16
        """;

    /// <summary>Writes <c>base</c>, <c>one</c> and <c>two</c> of 20 MiB each, ten tensors of finite numbers.</summary>
    public static void Write(string folder)
    {
        foreach ((int seed, string name) in new[] { "base", "one", "two" }.Index())
        {
            ModelFolder.Write(
                Path.Combine(folder, name),
                [.. Enumerable.Range(0, 10).Select(layer => Tensor(seed, $"model.layers.{layer}.mlp.up_proj.weight"))],
                config: """{"model_type": "llama", "num_hidden_layers": 10}""");
        }
    }

    /// <summary>The hashes of what the command line makes of a recipe that lies beside its models.</summary>
    public static Dictionary<string, string> Made(TempFolder folder, string models, string yaml)
    {
        // Named by its method, as a recipe without a file is.
        string method = yaml.Split('\n').First(line => line.StartsWith("merge_method:", StringComparison.Ordinal))[14..];
        string path = Path.Combine(models, method + ".yml");
        Recipe recipe = File.Exists(path)
            ? Recipe.Load(path, PackMethods.RecipeSignatures)
            : Recipe.Parse(yaml, path, PackMethods.RecipeSignatures);
        var options = new MergeOptions { Threads = 2, ShardSize = 5_000_000 };
        string target = folder["made-" + method];
        if (PackMethods.Makes(recipe))
        {
            using var plan = PackPlan.Create(recipe, options);
            PackEncoder.Run(plan, target, new MergeProgress(), CancellationToken.None);
        }
        else
        {
            using var plan = MergePlan.Create(recipe, options);
            Merger.Run(plan, target, new MergeProgress(), CancellationToken.None);
        }

        return Hashes(target);
    }

    /// <summary>The SHA-256 of every file of a directory, by name.</summary>
    public static Dictionary<string, string> Hashes(string directory) =>
        Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).ToDictionary(
            file => Path.GetRelativePath(directory, file),
            file => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file))));

    private static (TensorSpec Spec, byte[] Data) Tensor(int seed, string name)
    {
        (TensorSpec spec, byte[] data) = ModelFolder.Random(seed, name, DType.BFloat16, 1024, 1024);
        foreach (ref ushort value in MemoryMarshal.Cast<byte, ushort>(data.AsSpan()))
        {
            // From 2^-15 to 2.
            value = (ushort)((value & 0x87FF) | 0x3800);
        }

        return (spec, data);
    }
}
