using System.Text.Json;
using System.Text.Json.Nodes;
using Interfuse.Checkpoints;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>The trained models of examples/tiny-experts, what is expected of them, and damaged copies.</summary>
internal static class TinyExperts
{
    public static readonly string[] Names = ["base", "add", "reverse", "sort", "cipher"];

    public static readonly string[] Tasks = ["add", "reverse", "sort", "cipher"];

    public static string PathOf(string name) => Repository.PathOf("examples", "tiny-experts", name);

    public static string TaskPath(string task) => Repository.PathOf("examples", "tiny-experts", "tasks", task + ".jsonl");

    /// <summary>What train.py, another program, found.</summary>
    public static JsonElement Expected { get; } = JsonDocument.Parse(File.ReadAllBytes(PathOf("expected.json"))).RootElement;

    /// <summary>Copies a model into a folder.</summary>
    public static string Copy(string model, string target)
    {
        Directory.CreateDirectory(target);
        foreach (string file in Directory.GetFiles(PathOf(model)))
        {
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        }

        return target;
    }

    /// <summary>Changes one of a model's JSON files.</summary>
    public static void Edit(string model, string file, Action<JsonObject> change)
    {
        string path = Path.Combine(model, file);
        JsonObject json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(json);
        File.WriteAllText(path, json.ToJsonString());
    }

    /// <summary>Takes a tensor out of a model.</summary>
    public static void RemoveTensor(string model, string name)
    {
        var tensors = new List<(TensorSpec Spec, byte[] Data)>();
        using (var checkpoint = Checkpoint.Open(model))
        {
            foreach (CheckpointTensor tensor in checkpoint.Tensors.Where(tensor => tensor.Name != name))
            {
                byte[] data = new byte[tensor.ByteLength];
                tensor.Read(0, data);
                tensors.Add((new TensorSpec(tensor.Name, tensor.DType, tensor.Shape), data));
            }
        }

        File.Delete(Path.Combine(model, "model.safetensors"));
        string rest = model + ".rest";
        ModelFolder.Write(rest, tensors);
        File.Move(Path.Combine(rest, "model.safetensors"), Path.Combine(model, "model.safetensors"));
        Directory.Delete(rest, recursive: true);
    }

    /// <summary>Makes a pack of the four experts that keeps every row of each.</summary>
    public static string Pack(TempFolder folder)
    {
        string recipe = folder.Write(
            "pack.yml",
            $$"""
            merge_method: channel_merging
            base_model: {{PathOf("base")}}
            models:
            {{string.Join('\n', Tasks.Select(task => $"- model: {PathOf(task)}"))}}
            parameters: { groups: 4, share_within: 0 }
            """);
        Outcome packed = CommandLine.Run("merge", recipe, folder["pack"], "--quiet");
        Assert.That(packed.ExitCode, Is.EqualTo(ExitCode.Ok), packed.Error);
        return folder["pack"];
    }
}
