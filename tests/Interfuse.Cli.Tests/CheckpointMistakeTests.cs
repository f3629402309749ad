using System.Buffers.Binary;
using System.Text;
using Interfuse.Checkpoints;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>Models that are damaged or don't fit together.</summary>
public sealed class CheckpointMistakeTests
{
    private const string UpProjection = "model.layers.1.mlp.up_proj.weight";

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeModels()
    {
        _folder = new TempFolder();
        SmallModels.WriteThree(_folder);
        _folder.Write("recipe.yml", SmallModels.Ties);
    }

    [TearDown]
    public void DeleteModels() => _folder.Dispose();

    [Test]
    public void A_truncated_file()
    {
        string file = _folder["expert2", "model.safetensors"];
        File.WriteAllBytes(file, File.ReadAllBytes(file)[..^3]);

        AssertRefused(file, "the file is truncated");
    }

    [Test]
    public void A_header_that_would_reach_beyond_the_file()
    {
        string file = _folder["base", "model.safetensors"];
        byte[] bytes = File.ReadAllBytes(file);
        BinaryPrimitives.WriteInt64LittleEndian(bytes, bytes.Length);
        File.WriteAllBytes(file, bytes);

        AssertRefused(file, "header");
    }

    [Test]
    public void A_header_that_is_not_JSON()
    {
        string file = _folder["base", "model.safetensors"];
        byte[] bytes = File.ReadAllBytes(file);
        Encoding.ASCII.GetBytes("{nonsense").CopyTo(bytes, 8);
        File.WriteAllBytes(file, bytes);

        AssertRefused(file, "its header is not valid JSON");
    }

    [Test]
    public void A_file_that_is_a_web_page()
    {
        string file = _folder["base", "model.safetensors"];
        File.WriteAllText(file, "<!DOCTYPE html><html><body>Sign in to download</body></html>");

        AssertRefused(file, "header");
    }

    [Test]
    public void A_shard_that_is_missing()
    {
        string shard = Shards(WriteShards("expert1"))[1];
        File.Delete(shard);

        AssertRefused(_folder["expert1"], $"lists the shard {Path.GetFileName(shard)}, which is missing");
    }

    [Test]
    public void An_index_that_puts_a_tensor_in_the_wrong_shard()
    {
        string directory = WriteShards("expert1");
        string[] shards = [.. Shards(directory).Select(shard => Path.GetFileName(shard))];
        string index = Path.Combine(directory, "model.safetensors.index.json");
        string text = File.ReadAllText(index);
        File.WriteAllText(index, text.Replace($"{UpProjection}\": \"{shards[1]}", $"{UpProjection}\": \"{shards[0]}"));

        AssertRefused(index, $"tensor '{UpProjection}'", $"is in {shards[1]}", $"lists it in {shards[0]}");
    }

    [Test]
    public void A_tensor_that_one_expert_lacks()
    {
        Rewrite("expert2", tensors => tensors.RemoveAll(tensor => tensor.Spec.Name == UpProjection));

        AssertRefused(_folder["expert2"], $"tensor '{UpProjection}'", "is missing", "base has it");
    }

    [Test]
    public void A_tensor_of_another_shape()
    {
        Rewrite("expert2", tensors => Replace(tensors, SmallModels.BFloat16(2, UpProjection, 8, 9)));

        AssertRefused(_folder["expert2"], $"tensor '{UpProjection}'", "has shape [8, 9]", "has [8, 8]");
    }

    [Test]
    public void Vocabularies_of_different_sizes()
    {
        Rewrite("expert2", tensors => Replace(tensors, SmallModels.BFloat16(2, "model.embed_tokens.weight", 18, 8)));

        AssertRefused(_folder["expert2"], "18 rows", "--truncate-embeddings");
    }

    [Test]
    public void Eight_bit_floats_where_the_method_computes()
    {
        Rewrite("expert2", tensors => Replace(
            tensors, ModelFolder.Random(1, UpProjection, DType.Float8E4M3, 8, 8)));

        AssertRefused(_folder["expert2"], $"tensor '{UpProjection}'", "F8_E4M3", "ties", "convert");
    }

    [Test]
    public void A_model_that_does_not_exist()
    {
        Directory.Delete(_folder["expert2"], recursive: true);

        AssertRefused(_folder["expert2"], "there is no such file or directory", "hf download");
    }

    [Test]
    public void A_folder_without_weights()
    {
        File.Delete(_folder["expert2", "model.safetensors"]);

        AssertRefused(_folder["expert2"], "model.safetensors.index.json", "directory of a Hugging Face model");
    }

    [Test]
    public void A_model_in_pickle_format()
    {
        File.Move(_folder["expert2", "model.safetensors"], _folder["expert2", "pytorch_model.bin"]);

        AssertRefused(_folder["expert2"], "pytorch_model.bin", "safetensors");
    }

    [Test]
    public void A_configuration_that_is_not_JSON()
    {
        _folder.Write("base/config.json", "{\"num_hidden_layers\": 2,");

        AssertRefused(_folder["base", "config.json"], "is not valid JSON");
    }

    [Test]
    public void Inspecting_a_damaged_model()
    {
        string file = _folder["base", "model.safetensors"];
        File.WriteAllBytes(file, File.ReadAllBytes(file)[..^1]);

        Mistakes.AssertRefused(_folder, ExitCode.BadInput, ["inspect", _folder["base"], "--json"], file, "truncated");
    }

    private void AssertRefused(params string[] fragments) => Mistakes.AssertRefused(
        _folder, ExitCode.BadInput, ["merge", _folder["recipe.yml"], _folder["out"]], fragments);

    private void Rewrite(string model, Action<List<(TensorSpec Spec, byte[] Data)>> change)
    {
        List<(TensorSpec Spec, byte[] Data)> tensors = SmallModels.Tensors(2);
        change(tensors);
        ModelFolder.Write(_folder[model], tensors, config: SmallModels.Config);
    }

    private static void Replace(
        List<(TensorSpec Spec, byte[] Data)> tensors, (TensorSpec Spec, byte[] Data) tensor) =>
        tensors[tensors.FindIndex(other => other.Spec.Name == tensor.Spec.Name)] = tensor;

    private string WriteShards(string model)
    {
        Directory.Delete(_folder[model], recursive: true);
        ModelFolder.Write(_folder[model], SmallModels.Tensors(1), maxShardBytes: 256, SmallModels.Config);
        return _folder[model];
    }

    private static string[] Shards(string directory) => [.. Directory.GetFiles(directory, "*.safetensors").Order()];
}
