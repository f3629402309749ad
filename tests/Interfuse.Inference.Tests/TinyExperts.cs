using System.Text.Json;
using Interfuse.Compute;
using Interfuse.Experts;
using Interfuse.Inference.Models;
using Interfuse.Inference.Tokenization;
using Interfuse.Testing;

namespace Interfuse.Inference.Tests;

/// <summary>The trained models of examples/tiny-experts, and what another program (train.py) found of them.</summary>
internal static class TinyExperts
{
    /// <summary>The models' names; the experts' are also those of the tasks.</summary>
    public static readonly string[] Names = ["base", "add", "reverse", "sort", "cipher"];

    public static readonly string[] Tasks = ["add", "reverse", "sort", "cipher"];

    public static string PathOf(string name) => Repository.PathOf("examples", "tiny-experts", name);

    public static string TaskPath(string task) => Path.Combine(PathOf("tasks"), task + ".jsonl");

    public static Tokenizer Tokenizer { get; } = Tokenizer.Load(PathOf("base"));

    public static Decoder Load(string name, int threads = 2) => LoadFrom(PathOf(name), threads);

    public static Decoder LoadFrom(string path, int threads = 2)
    {
        using ModelWeights weights = ModelWeights.Open(path);
        return Decoder.Load(weights, new CpuDevice(threads));
    }

    /// <summary>The share of a task's prompts that a model answers exactly.</summary>
    public static double ExpectedAccuracy(string model, string task) =>
        Expected().GetProperty("accuracy").GetProperty(model).GetProperty(task).GetDouble();

    /// <summary>Prompts with their tokens, logits and greedy continuation.</summary>
    public static IReadOnlyList<JsonElement> Reference(string model) =>
        [.. Expected().GetProperty("reference").GetProperty(model).EnumerateArray()];

    private static JsonElement Expected()
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(PathOf("expected.json")));
        return document.RootElement.Clone();
    }
}
