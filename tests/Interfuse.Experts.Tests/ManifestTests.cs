using System.Text;
using Interfuse.Checkpoints;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests;

public sealed class ManifestTests
{
    private const string Hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void What_is_written_is_read_back()
    {
        var manifest = new PackManifest(
            "channel_merging", ["math", "数学 \"x\""], 123,
            [
                new PackTensorEntry("a", "grouped", "BF16", [2, 3], [1.5, 0], [0.25, 1e-300]),
                new PackTensorEntry("b", "shared", "F8_E4M3", []),
            ],
            [new PackFileEntry("model.safetensors", 17, Hash)],
            [new PackLayerEntry("model.layers.0", 0.375, true), new PackLayerEntry("model.layers.1", 0, false)]);

        PackManifest read = Read(Encoding.UTF8.GetString(manifest.ToUtf8Bytes()));

        Assert.That(read.ToUtf8Bytes(), Is.EqualTo(manifest.ToUtf8Bytes()));
        Assert.That(read.Tensors[0].LostEnergy, Is.EqualTo([0.25, 1e-300]));
        Assert.That(read.Tensors[1].LostEnergy, Is.Null);
        Assert.That(read.Layers, Is.EqualTo(manifest.Layers));
    }

    [Test]
    public void The_first_version_of_the_format_is_read_and_has_no_layers()
    {
        PackManifest read = Read(Sound("\"version\": 2", "\"version\": 1"));

        Assert.That(read.Tensors, Has.Count.EqualTo(1));
        Assert.That(read.Layers, Is.Null);
    }

    [TestCase("""{ "conflict": 0.5, "routed": true }""", "layer 0", "'name'")]
    [TestCase("""{ "name": "l", "routed": true }""", "'l'", "'conflict'")]
    [TestCase("""{ "name": "l", "conflict": 1.5, "routed": true }""", "'l'", "'conflict'")]
    [TestCase("""{ "name": "l", "conflict": 0.5, "routed": 1 }""", "'l'", "'routed'")]
    [TestCase("""{ "name": "l", "conflict": 0.5, "routed": true, "rank": 2 }""", "layer 0", "'rank'")]
    public void An_unsound_layer_is_refused(string layer, params string[] words)
    {
        string text = Sound("\"files\"", $"\"layers\": [{layer}], \"files\"");
        CheckpointFormatException error = Assert.Throws<CheckpointFormatException>(() => Read(text))!;

        foreach (string word in words)
        {
            Assert.That(error.Message, Does.Contain(word));
        }
    }

    [Test]
    public void An_unknown_property_is_passed_over_at_the_top()
    {
        Assert.That(Read(Sound("\"experts\"", "\"router\": { \"kind\": 1 }, \"experts\"")).Experts, Has.Count.EqualTo(2));
    }

    [TestCase("\"version\": 2", "\"version\": 3", "version 3", "versions 1 to 2", "update Interfuse")]
    [TestCase("\"version\": 2", "\"version\": 0", "version 0")]
    [TestCase("\"version\": 2", "\"version\": \"1\"", "'version'", "integer")]
    [TestCase("interfuse-expert-pack", "gguf", "format 'gguf'", "interfuse-expert-pack")]
    [TestCase("\"method\": \"m\"", "\"method\": \"\"", "'method'")]
    [TestCase("[\"a\", \"b\"]", "[]", "no expert")]
    [TestCase("[\"a\", \"b\"]", "{}", "no array 'experts'")]
    [TestCase("[\"a\", \"b\"]", "[\"a\", \"a\"]", "two experts named 'a'")]
    [TestCase("[\"a\", \"b\"]", "[\"a\", \"\"]", "expert 1", "1 to 4096")]
    [TestCase("[\"a\", \"b\"]", "[\"a\", 3]", "expert 1")]
    [TestCase("[\"a\", \"b\"]", "[\"a\", \"\\u001b[2J\"]", "expert 1", "control")]
    [TestCase("[\"a\", \"b\"]", "[\"a\", \"\\ud800\"]", "not valid JSON")]
    [TestCase("\"ensemble_bytes\": 48", "\"ensemble_bytes\": -1", "'ensemble_bytes'")]
    [TestCase("\"ensemble_bytes\": 48", "\"ensemble_bytes\": 1, \"ensemble_bytes\": 1", "not valid JSON")]
    [TestCase("\"dtype\": \"BF16\"", "\"dtype\": \"BF16\", \"dtype\": \"F32\"", "not valid JSON")]
    [TestCase("\"grouped\"", "\"woven\"", "tensor 'w'", "'woven'", "grouped, ", "shared", "update")]
    [TestCase("\"BF16\"", "\"BF17\"", "tensor 'w'", "'BF17'")]
    [TestCase("\"BF16\"", "16", "tensor 'w'", "'dtype'")]
    [TestCase("[2, 6]", "[2, -6]", "tensor 'w'", "extent -6")]
    [TestCase("[2, 6]", "[2, 6.5]", "tensor 'w'", "extent 6.5")]
    [TestCase("[2, 6]", "[4294967296, 4294967296]", "tensor 'w'", "64 bits")]
    [TestCase("[2, 6]", "[2305843009213693952, 2]", "tensor 'w'", "64 bits")]
    [TestCase("[2, 6]", "[0, 4294967296, 4294967296]", "tensor 'w'", "64 bits")]
    [TestCase("[2, 6]", "\"2, 6\"", "tensor 'w'", "'shape'")]
    [TestCase("\"shape\"", "\"color\": 1, \"shape\"", "'color'", "none of name")]
    [TestCase("{ \"name\": \"w\"", "{ \"name\": \"\"", "tensor 0", "'name'")]
    [TestCase("[1, 2]", "[1]", "tensor 'w'", "'delta_energy'", "2 finite")]
    [TestCase("[1, 2]", "[1, -2]", "tensor 'w'", "'delta_energy'")]
    [TestCase("[1, 2]", "[1, 1e999]", "tensor 'w'", "'delta_energy'")]
    [TestCase("[1, 2]", "[1, \"2\"]", "tensor 'w'", "'delta_energy'")]
    [TestCase("[1, 2]", "7", "tensor 'w'", "'delta_energy'")]
    [TestCase("model.safetensors", "../model.safetensors", "'../model.safetensors'", "own directory")]
    [TestCase("model.safetensors", "..", "'..'", "own directory")]
    [TestCase("model.safetensors", ".", "'.'", "own directory")]
    [TestCase("model.safetensors", "/etc/passwd", "'/etc/passwd'", "own directory")]
    [TestCase("model.safetensors", "sub/model.safetensors", "own directory")]
    [TestCase("model.safetensors", "sub\\\\model.safetensors", "own directory")]
    [TestCase("model.safetensors", "C:model.safetensors", "own directory")]
    [TestCase("model.safetensors", "a\\u0000b", "own directory")]
    [TestCase("model.safetensors", "pack.json", "'pack.json'", "another file")]
    [TestCase("model.safetensors", "pack.sha256", "'pack.sha256'", "another file")]
    [TestCase(Hash, "0123", "'model.safetensors'", "64 lower-case")]
    [TestCase("abcdef\" }", "ABCDEF\" }", "'model.safetensors'", "64 lower-case")]
    [TestCase("\"bytes\": 7", "\"bytes\": 7.5", "file 'model.safetensors'", "'bytes'")]
    [TestCase("\"bytes\": 7", "\"bytes\": 7, \"mode\": 7", "file 0", "'mode'")]
    public void What_is_unsound_is_refused(string sound, string unsound, params string[] words)
    {
        CheckpointFormatException error = Assert.Throws<CheckpointFormatException>(() => Read(Sound(sound, unsound)))!;

        Assert.That(error.Path, Is.EqualTo(_folder["pack.json"]));
        foreach (string word in words)
        {
            Assert.That(error.Message, Does.Contain(word));
        }
    }

    [TestCase("")]
    [TestCase("[]")]
    [TestCase("{")]
    [TestCase("{} {}")]
    [TestCase("\ufeffnothing")]
    public void What_is_no_json_object_is_refused(string text)
    {
        Assert.That(() => Read(text), Throws.TypeOf<CheckpointFormatException>());
    }

    [Test]
    public void Two_tensors_or_files_of_one_name_are_refused()
    {
        const string Tensor = """{ "name": "w", "scheme": "shared", "dtype": "F32", "shape": [] }, """;
        const string File = $$"""{ "name": "model.safetensors", "bytes": 1, "sha256": "{{Hash}}" }, """;

        Assert.That(
            () => Read(Sound("\"tensors\": [", "\"tensors\": [" + Tensor)),
            Throws.TypeOf<CheckpointFormatException>().With.Message.Contains("tensor 'w': is listed twice"));
        Assert.That(
            () => Read(Sound("\"files\": [", "\"files\": [" + File)),
            Throws.TypeOf<CheckpointFormatException>().With.Message.Contains("'model.safetensors' twice"));
    }

    [Test]
    public void A_file_too_long_for_a_manifest_is_refused_unread()
    {
        using (FileStream file = File.Create(_folder["pack.json"]))
        {
            file.SetLength((64L << 20) + 1);
        }

        Assert.That(
            () => PackManifest.Read(_folder["pack.json"]),
            Throws.TypeOf<CheckpointFormatException>().With.Message.Contains("over the limit"));
    }

    private static string Sound(string replaced, string by)
    {
        string text = $$"""
            {
              "format": "interfuse-expert-pack", "version": 2, "method": "m", "experts": ["a", "b"], "ensemble_bytes": 48,
              "tensors": [
                { "name": "w", "scheme": "grouped", "dtype": "BF16", "shape": [2, 6], "delta_energy": [1, 2] }
              ],
              "files": [{ "name": "model.safetensors", "bytes": 7, "sha256": "{{Hash}}" }]
            }
            """;
        Assert.That(text, Does.Contain(replaced));
        return text.Replace(replaced, by, StringComparison.Ordinal);
    }

    private PackManifest Read(string text) => PackManifest.Read(_folder.Write("pack.json", text));
}
