using System.Text.Json;
using Interfuse.Compute;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Testing;

namespace Interfuse.Merging.Tests.Parity;

/// <summary>One merge made by the real mergekit (0.1.4, stable sorts): its recipe, inputs and output.</summary>
internal sealed class GoldenCase(string name)
{
    public static string Root { get; } = Repository.PathOf("tests", "Interfuse.Merging.Tests", "Goldens");

    public string Directory { get; } = Path.Combine(Root, "cases", name);

    public Recipe Recipe { get; } = Recipe.Parse(
        // The one case with a tokenizer uses mergekit's long form of what we read as tokenizer_source.
        File.ReadAllText(Path.Combine(Root, "cases", name, "config.yml")).Replace("tokenizer:\n  source: base", "tokenizer_source: base", StringComparison.Ordinal),
        Path.Combine(Root, "config.yml"),
        MergeMethods.Signatures);

    public Dictionary<string, double[]> Expected() => ModelTensors.Read(Directory);

    /// <summary>A parameter of one of the models; 0 if it is not set.</summary>
    public static double Value(RecipeSource source, string name) =>
        source.Parameters.Items.FirstOrDefault(parameter => parameter.Name == name)?.Setting.Evaluate("", 0) ?? 0;

    /// <summary>Merges with this engine and gives the output's tensors.</summary>
    public Dictionary<string, double[]> Merge(MergeSemantics semantics, Func<MergeOptions, MergeOptions>? change = null)
    {
        using var folder = new TempFolder();
        var options = new MergeOptions { Semantics = semantics, TruncateEmbeddings = true };
        if (File.Exists(Path.Combine(Directory, "order.json")))
        {
            Dictionary<ulong, bool[]> kept = TorchRandom.Kept(this, name == "dare_ties_norescale_f32" ? 7u : 42u);
            options = options with
            {
                Device = new CpuDevice(threads: 1)
                {
                    Numbers = (drop, first, numbers) =>
                    {
                        // What is kept is below every bound but 0, what is dropped is above all of them.
                        for (int i = 0; i < numbers.Length; i++)
                        {
                            numbers[i] = kept[drop.Stream][(int)first + i] ? ushort.MinValue : ushort.MaxValue;
                        }
                    },
                },
            };
        }

        using MergePlan plan = MergePlan.Create(Recipe, change?.Invoke(options) ?? options);
        Merger.Run(plan, folder["out"], new MergeProgress(), CancellationToken.None);
        return ModelTensors.Read(folder["out"]);
    }

    /// <summary>The tensors in the order in which mergekit drew random numbers for them; each once per expert, in recipe order.</summary>
    public IEnumerable<string> DrawOrder() => JsonDocument
        .Parse(File.ReadAllText(Path.Combine(Directory, "order.json")))
        .RootElement.EnumerateArray()
        .Where(entry => entry.ValueKind == JsonValueKind.String)
        .Select(entry => entry.GetString()!);
}
