using Interfuse.Testing;

namespace Interfuse.Checkpoints.Tests;

public sealed class CheckpointTests
{
    private const string Index = "model.safetensors.index.json";
    private const string First = "model-00001-of-00002.safetensors";
    private const string Second = "model-00002-of-00002.safetensors";

    private static readonly (TensorSpec Spec, byte[] Data)[] Two =
        [ModelFolder.Random(1, "a.weight", DType.Float32, 4), ModelFolder.Random(2, "b.weight", DType.BFloat16, 2, 4)];

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [TestCase(long.MaxValue, 1)]
    [TestCase(16, 2)]
    public void A_model_directory_comes_back(long maxShardBytes, int shards)
    {
        ModelFolder.Write(_folder.Path, Two, maxShardBytes, """{"model_type":"llama"}""");

        using var checkpoint = Checkpoint.Open(_folder.Path);

        Assert.That(checkpoint.Path, Is.EqualTo(_folder.Path));
        Assert.That(checkpoint.Config?.ModelType, Is.EqualTo("llama"));
        Assert.That(checkpoint.WeightBytes, Is.EqualTo(32));
        Assert.That(checkpoint.Tensors.Select(t => t.File.Path).Distinct().Count(), Is.EqualTo(shards));
        Assert.That(checkpoint.Tensors.Select(t => t.Name), Is.EqualTo(Two.Select(t => t.Spec.Name)));
        Assert.That(checkpoint.TryGetTensor("b.weight", out CheckpointTensor? tensor), Is.True);
        Assert.That(tensor!.DType, Is.EqualTo(DType.BFloat16));
        Assert.That(tensor.Shape, Is.EqualTo(Two[1].Spec.Shape));
        Assert.That((tensor.ElementCount, tensor.ByteLength), Is.EqualTo((8, 16)));
        byte[] data = new byte[13];
        tensor.Read(3, data);
        Assert.That(data, Is.EqualTo(Two[1].Data[3..]));
        Assert.That(checkpoint.TryGetTensor("c", out _), Is.False);
    }

    [Test]
    public void A_single_file_comes_back_without_what_lies_beside_it()
    {
        ModelFolder.Write(_folder.Path, Two, config: "{}");

        using var checkpoint = Checkpoint.Open(_folder["model.safetensors"]);

        Assert.That(checkpoint.Tensors, Has.Count.EqualTo(2));
        Assert.That(checkpoint.TryGetTensor("a.weight", out _), Is.True);
        Assert.That(checkpoint.Config, Is.Null);
        Assert.That(checkpoint.SideFiles, Is.Empty);
    }

    [Test]
    public void A_missing_path_says_how_to_download()
    {
        AssertRefused("mistralai/Mistral-7B-v0.1", "hf download mistralai/Mistral-7B-v0.1 --local-dir DIR");
        AssertRefused(_folder["none"], "hf download ORG/NAME --local-dir DIR");
    }

    [TestCase("pytorch_model.bin", "but pytorch_model.bin; Interfuse reads safetensors only")]
    [TestCase("model.Q4_K_M.gguf", "but model.Q4_K_M.gguf; Interfuse reads safetensors only")]
    [TestCase("adapter_model.safetensors", "does hold adapter_model.safetensors; give the path of that file")]
    [TestCase("notes.txt", "give the directory of a Hugging Face model")]
    public void A_directory_without_a_model_says_what_is_there(string file, string expected)
    {
        _folder.Write(file, "");

        AssertRefused(_folder.Path, expected);
    }

    [Test]
    public void A_weight_file_of_another_kind_says_to_convert() =>
        AssertRefused(_folder.Write("pytorch_model.bin", ""), "convert the model first");

    [Test]
    public void A_model_beside_an_index_of_other_shards_is_ambiguous()
    {
        ModelFolder.Write(_folder.Path, Two, 16);
        ModelFolder.Write(_folder.Path, Two);

        AssertRefused(_folder.Path, "both model.safetensors and an index");
    }

    [Test]
    public void An_index_of_the_one_model_file_is_accepted()
    {
        ModelFolder.Write(_folder.Path, Two);
        WriteIndex("""{"a.weight":"model.safetensors","b.weight":"model.safetensors"}""");

        using var checkpoint = Checkpoint.Open(_folder.Path);

        Assert.That(checkpoint.Tensors, Has.Count.EqualTo(2));
    }

    [Test]
    public void A_missing_shard_is_named()
    {
        ModelFolder.Write(_folder.Path, Two, 16);
        File.Delete(_folder[Second]);

        AssertRefused(_folder.Path, Index, Second, "missing");
    }

    [Test]
    public void A_damaged_shard_is_named()
    {
        ModelFolder.Write(_folder.Path, Two, 16);
        File.WriteAllBytes(_folder[Second], File.ReadAllBytes(_folder[Second])[..^1]);

        AssertRefused(_folder.Path, _folder[Second], "'b.weight'", "truncated");
    }

    private static IEnumerable<TestCaseData> WrongMaps()
    {
        yield return Case(
            "listed elsewhere",
            $$"""{"a.weight":"{{First}}","b.weight":"{{First}}","c":"{{Second}}"}""",
            $"'b.weight': is in {Second}, but the index lists it in {First}");
        yield return Case(
            "unlisted", $$"""{"a.weight":"{{First}}","c":"{{Second}}"}""", $"is in {Second}", "does not list it");
        yield return Case(
            "lacking",
            $$"""{"a.weight":"{{First}}","b.weight":"{{Second}}","c":"{{Second}}"}""",
            $"'c': is listed in {Second}, which lacks it");
        yield return Case("traversal", """{"b.weight":"../b.safetensors"}""", "'b.weight'", "../b.safetensors");
        yield return Case("absolute", """{"b.weight":"/b.safetensors"}""", "'b.weight'", "folders");
        yield return Case("backslash", """{"b.weight":"x\\b.safetensors"}""", "'b.weight'", "folders");
        yield return Case("parent", """{"b.weight":".."}""", "'b.weight'", "folders");
        yield return Case("not safetensors", """{"b.weight":"b.bin"}""", "'b.weight'", "b.bin");
        yield return Case("number", """{"b.weight":1}""", "'b.weight'");
        yield return Case("null", """{"b.weight":null}""", "'b.weight'", "null");
        yield return Case("a list", "[]", "weight_map");

        static TestCaseData Case(string name, string map, params string[] expected) =>
            new TestCaseData(map, expected).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(WrongMaps))]
    public void An_index_that_disagrees_with_the_shards_is_refused(string map, string[] expected)
    {
        ModelFolder.Write(_folder.Path, Two, 16);
        WriteIndex(map);

        AssertRefused(_folder.Path, [_folder[Index], .. expected]);
    }

    [TestCase("no json")]
    [TestCase("[]")]
    [TestCase("""{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}""")]
    public void An_index_that_is_not_a_JSON_object_is_refused(string text)
    {
        ModelFolder.Write(_folder.Path, Two, 16);
        string path = _folder.Write(Index, text);

        AssertRefused(_folder.Path, path, "JSON");
    }

    [Test]
    public void A_tensor_in_two_shards_is_refused()
    {
        ModelFolder.Write(_folder.Path, Two, 16);
        File.Copy(_folder[First], _folder[Second], overwrite: true);

        AssertRefused(_folder.Path, _folder[Index], "'a.weight'", $"in two shards, {First} and {Second}");
    }

    [Test]
    public void Only_what_travels_with_a_model_is_a_side_file()
    {
        string[] travels =
        [
            "LICENSE", "chat_template.jinja", "configuration_x.py", "generation_config.json", "merges.txt",
            "special_tokens_map.json", "tokenizer.json", "tokenizer.model", "vocab.json",
        ];
        string[] stays =
        [
            ".gitattributes", "README.md", "config.json", "interfuse_recipe.yml", "mergekit_config.yml", "model.gguf",
            "optimizer.pt", "pytorch_model.bin", "pytorch_model.bin.index.json", "rng_state.PTH", "tf_model.h5",
            "consolidated.safetensors", "original/params.json",
        ];
        ModelFolder.Write(_folder.Path, Two, 16);
        foreach (string name in (string[])[.. travels, .. stays])
        {
            _folder.Write(name, "{}");
        }

        using var checkpoint = Checkpoint.Open(_folder.Path);

        Assert.That(checkpoint.SideFiles, Is.EqualTo(travels));
    }

    [TestCase("tokenizer.json", true)]
    [TestCase("tokenizer.model", true)]
    [TestCase("tokenizer_config.json", true)]
    [TestCase("special_tokens_map.json", true)]
    [TestCase("added_tokens.json", true)]
    [TestCase("vocab.txt", true)]
    [TestCase("merges.txt", true)]
    [TestCase("spiece.model", true)]
    [TestCase("chat_template.jinja", true)]
    [TestCase("qwen.tiktoken", true)]
    [TestCase("generation_config.json", false)]
    [TestCase("modeling_x.py", false)]
    [TestCase("LICENSE", false)]
    public void Tokenizer_files_are_known_by_name(string name, bool expected) =>
        Assert.That(Checkpoint.IsTokenizerFile(name), Is.EqualTo(expected));

    private void WriteIndex(string map) => _folder.Write(Index, $$"""{"metadata":{},"weight_map":{{map}}}""");

    private static void AssertRefused(string path, params string[] expected)
    {
        CheckpointFormatException error = Assert.Throws<CheckpointFormatException>(() => Checkpoint.Open(path))!;
        foreach (string text in expected)
        {
            Assert.That(error.Message, Does.Contain(text));
        }
    }
}
