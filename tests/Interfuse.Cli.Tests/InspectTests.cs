using System.Text.Json;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

public sealed class InspectTests
{
    private TempFolder _folder = null!;

    [SetUp]
    public void MakeModel()
    {
        _folder = new TempFolder();
        ModelFolder.Write(_folder["model"], SmallModels.Tensors(0), maxShardBytes: 300, SmallModels.Config);
        _folder.Write("model/tokenizer.json", "{}");
    }

    [TearDown]
    public void DeleteModel() => _folder.Dispose();

    [Test]
    public void A_sharded_model_is_shown_with_its_layers_on_one_line()
    {
        Outcome outcome = CommandLine.Run("inspect", _folder["model"]);

        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok));
        Assert.That(outcome.Error, Is.Empty);
        string shardSizes = @"[\d.]+ k?B";
        Assert.That(outcome.Output, Does.Match(
            $"""
            ^{_folder["model"]}
              architecture  LlamaForCausalLM
              layers        2
              vocabulary    16
              tied head     yes
              parameters    264
              weights       528 B
              files         model-00001-of-00002\.safetensors  1 tensor  {shardSizes}
                            model-00002-of-00002\.safetensors  3 tensors  {shardSizes}
              beside them   tokenizer\.json

              BF16     \[16, 8\]              model\.embed_tokens\.weight
              BF16     \[8, 8\]               model\.layers\.\*\.mlp\.up_proj\.weight  x 2
              BF16     \[8\]                  model\.norm\.weight
            $
            """));
    }

    [Test]
    public void Every_tensor_is_listed_when_asked_for()
    {
        Outcome outcome = CommandLine.Run("inspect", _folder["model"], "--tensors");

        Assert.That(outcome.Output, Does.Contain("model.layers.0.mlp").And.Contain("model.layers.1.mlp"));
    }

    [Test]
    public void Json_has_every_tensor_and_file()
    {
        Outcome outcome = CommandLine.Run("inspect", _folder["model"], "--json");

        Assert.That(outcome.Error, Is.Empty);
        JsonElement model = outcome.Json;
        Assert.Multiple(() =>
        {
            Assert.That(model.GetProperty("path").GetString(), Is.EqualTo(_folder["model"]));
            Assert.That(model.GetProperty("architecture").GetString(), Is.EqualTo("LlamaForCausalLM"));
            Assert.That(model.GetProperty("layers").GetInt32(), Is.EqualTo(2));
            Assert.That(model.GetProperty("tied_embeddings").GetBoolean(), Is.True);
            Assert.That(model.GetProperty("parameters").GetInt64(), Is.EqualTo(264));
            Assert.That(model.GetProperty("weight_bytes").GetInt64(), Is.EqualTo(528));
            Assert.That(model.GetProperty("files").GetArrayLength(), Is.EqualTo(2));
            Assert.That(
                model.GetProperty("files").EnumerateArray().Sum(file => file.GetProperty("bytes").GetInt64()),
                Is.EqualTo(new DirectoryInfo(_folder["model"]).GetFiles("*.safetensors").Sum(file => file.Length)));
            Assert.That(model.GetProperty("side_files")[0].GetString(), Is.EqualTo("tokenizer.json"));
            JsonElement tensor = model.GetProperty("tensors")[0];
            Assert.That(tensor.GetProperty("name").GetString(), Is.EqualTo("model.embed_tokens.weight"));
            Assert.That(tensor.GetProperty("dtype").GetString(), Is.EqualTo("BF16"));
            Assert.That(tensor.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()),
                Is.EqualTo(new long[] { 16, 8 }));
            Assert.That(model.GetProperty("tensors").GetArrayLength(), Is.EqualTo(4));
        });
    }

    [Test]
    public void A_single_file_is_shown_without_what_only_a_directory_has()
    {
        string file = Directory.GetFiles(_folder["model"], "*.safetensors").Order().First();

        Outcome outcome = CommandLine.Run("inspect", file);

        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok));
        Assert.That(outcome.Output, Does.StartWith(file + "\n"));
        Assert.That(outcome.Output, Does.Match(@"(?m)^  parameters +128$"));
        Assert.That(outcome.Output, Does.Not.Contain("architecture").And.Not.Contain("beside them"));
        Assert.That(CommandLine.Run("inspect", file, "--json").Json.TryGetProperty("architecture", out _), Is.False);
    }

    [Test]
    public void A_tensor_name_cannot_command_the_terminal()
    {
        ModelFolder.Write(_folder["evil"], [SmallModels.BFloat16(0, "\u001b[2J\u001b]0;owned\u0007", 4)]);

        Outcome outcome = CommandLine.Run("inspect", _folder["evil"]);

        Assert.That(outcome.Output, Does.Contain("?[2J?]0;owned?"));
        Assert.That(outcome.Output.Where(letter => char.IsControl(letter) && letter != '\n'), Is.Empty);
    }
}
