using System.Text.Json;
using Interfuse.Checkpoints;
using Interfuse.Experts.Tests;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>Expert packs on the command line: <c>inspect</c>, <c>verify</c>, <c>export</c>.</summary>
public sealed class PackTests
{
    private TempFolder _folder = null!;
    private string _pack = null!;
    private PackBuilder _builder = null!;

    [SetUp]
    public void MakePack()
    {
        _folder = new TempFolder();
        _pack = _folder["pack"];
        int[] table = [0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7];
        _builder = new PackBuilder("math", "code", "a very long name")
            .Grouped(Weight("model.layers.0.q"), new byte[8 * 5 * 2], table, [4, 8, 4], [1, 0, 0])
            .Grouped(Weight("model.layers.1.q"), new byte[8 * 5 * 2], table, [1, 1, 1], [0, 0, 0.5])
            .RandomShared(3, "model.norm", DType.BFloat16, 5)
            .SideFile("config.json", SmallModels.Config)
            .SideFile("tokenizer.json", "{}");
        _builder.Write(_pack);
    }

    [TearDown]
    public void DeletePack() => _folder.Dispose();

    [Test]
    public void A_pack_is_shown_with_what_it_saves_and_keeps()
    {
        Outcome outcome = CommandLine.Run("inspect", _pack);

        Assert.That(outcome.Error, Is.Empty);
        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok));
        Assert.That(outcome.Output, Does.Match(
            $"""
            ^{_pack}
              expert pack   channel_merging
              architecture  LlamaForCausalLM
              layers        2
              experts       math
                            code
                            a very long name
              weights       266 B, 98\.52 % of the 270 B that 3 experts would take
              schemes       grouped  2 tensors  160 B and 96 B of tables, 106\.67 % of 240 B
                            shared  1 tensor  10 B, 33\.33 % of 30 B
              files         index\.safetensors  [\d.]+ k?B
                            model\.safetensors  [\d.]+ k?B
              beside them   tokenizer\.json

            Delta energy kept
                                   all          math          code  a very lon\.\.
              layer 0          93\.75 %       75\.00 %      100\.00 %      100\.00 %
              layer 1          83\.33 %      100\.00 %      100\.00 %       50\.00 %
              model            92\.11 %       80\.00 %      100\.00 %       90\.00 %
            $
            """));
    }

    [Test]
    public void Every_tensor_is_listed_when_asked_for()
    {
        Outcome outcome = CommandLine.Run("inspect", _pack, "--tensors");

        Assert.That(outcome.Output, Does.Match(@"(?m)^  grouped  BF16     \[4, 5\] +8 rows for 3 x 4 +model\.layers\.1\.q$"));
        Assert.That(outcome.Output, Does.Match(@"(?m)^  shared   BF16     \[5\] +1 row for 3 x 1 +model\.norm$"));
    }

    [Test]
    public void Json_has_everything()
    {
        JsonElement pack = CommandLine.Run("inspect", _pack, "--json").Json;

        Assert.Multiple(() =>
        {
            Assert.That(pack.GetProperty("method").GetString(), Is.EqualTo("channel_merging"));
            Assert.That(pack.GetProperty("experts")[1].GetString(), Is.EqualTo("code"));
            Assert.That(pack.GetProperty("stored_bytes").GetInt64(), Is.EqualTo(266));
            Assert.That(pack.GetProperty("ensemble_bytes").GetInt64(), Is.EqualTo(270));
            Assert.That(pack.GetProperty("schemes")[0].GetProperty("table_bytes").GetInt64(), Is.EqualTo(96));
            Assert.That(pack.GetProperty("kept").GetProperty("per_expert")[0].GetDouble(), Is.EqualTo(0.8));
            Assert.That(pack.GetProperty("kept_by_layer")[1].GetProperty("layer").GetInt32(), Is.EqualTo(1));
            Assert.That(pack.GetProperty("tensors")[0].GetProperty("bank_rows").GetInt64(), Is.EqualTo(8));
        });
    }

    [Test]
    public void A_sound_pack_is_verified()
    {
        Outcome outcome = CommandLine.Run("verify", _pack);

        Assert.That((outcome.ExitCode, outcome.Error), Is.EqualTo((ExitCode.Ok, "")));
        Assert.That(outcome.Output, Does.Match($@"^{_pack}: 6 files, [\d.]+ kB, every hash is right\n$"));
        Assert.That(CommandLine.Run("verify", _pack, "--json").Json.GetProperty("sound").GetBoolean(), Is.True);
    }

    [Test]
    public void A_damaged_pack_is_an_error_that_lists_the_files()
    {
        string tokenizer = Path.Combine(_pack, "tokenizer.json");
        File.WriteAllText(tokenizer, "[]");
        File.WriteAllText(Path.Combine(_pack, "extra"), "");

        Outcome outcome = CommandLine.Run("verify", _pack);

        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.BadInput));
        Assert.That(outcome.Output, Is.Empty);
        Assert.That(outcome.ErrorLines, Has.Length.EqualTo(2));
        Assert.That(outcome.ErrorLines[0], Does.StartWith($"error: {Path.Combine(_pack, "extra")}: is not listed"));
        Assert.That(outcome.ErrorLines[1], Does.StartWith($"error: {tokenizer}: has the SHA-256"));

        Outcome json = CommandLine.Run("verify", _pack, "--json");
        Assert.That(json.ExitCode, Is.EqualTo(ExitCode.BadInput));
        Assert.That(json.Json.GetProperty("sound").GetBoolean(), Is.False);
        Assert.That(json.Json.GetProperty("faults")[1].GetProperty("file").GetString(), Is.EqualTo("tokenizer.json"));
    }

    [Test]
    public void An_expert_is_given_back_as_a_model()
    {
        Outcome outcome = CommandLine.Run(
            "export", _pack, "--expert", "code", _folder["code"], "--shard-size", "45", "--json");

        Assert.That((outcome.ExitCode, outcome.Error), Is.EqualTo((ExitCode.Ok, "")));
        Assert.That(outcome.Json.GetProperty("expert").GetString(), Is.EqualTo("code"));
        Assert.That(outcome.Json.GetProperty("files").GetInt32(), Is.EqualTo(3));
        using var model = Checkpoint.Open(_folder["code"]);
        foreach (CheckpointTensor tensor in model.Tensors)
        {
            byte[] bytes = new byte[tensor.ByteLength];
            tensor.Read(0, bytes);
            Assert.That(bytes, Is.EqualTo(_builder.Expected[(tensor.Name, 1)]), tensor.Name);
        }

        Assert.That(model.Config!.Architecture, Is.EqualTo("LlamaForCausalLM"));
        Assert.That(model.SideFiles, Is.EqualTo(["tokenizer.json"]));

        Mistakes.AssertMistake(
            CommandLine.Run("export", _pack, "--expert", "code", _folder["code"]), ExitCode.BadInput, "not empty");
        Assert.That(
            CommandLine.Run("export", _pack, "--expert", "math", _folder["code"], "--overwrite").Output,
            Does.Match($@"^Exported math into {_folder["code"]}\n  tensors +3\n  written +90 B in 1 file\n"));
        Assert.That(
            CommandLine.Run("export", _pack, "--expert", "math", _folder["code"], "--overwrite", "-q").Output, Is.Empty);
    }

    [Test]
    public void A_mixture_and_the_shared_model_are_given_back_as_models()
    {
        Outcome mixed = CommandLine.Run("export", _pack, "--mixture", "code=0.75,math=0.25", _folder["mixed"]);
        Outcome shared = CommandLine.Run("export", _pack, "--shared", _folder["shared"], "--json");

        Assert.That(mixed.Error, Is.Empty);
        Assert.That(
            mixed.Output,
            Does.StartWith($"Exported math=0.25,code=0.75 into {_folder["mixed"]}\n").And.Contain("README.md"));
        Assert.That(File.ReadAllText(_folder["mixed", "README.md"]), Does.Contain("| math | 0.25 |\n| code | 0.75 |"));
        Assert.That((shared.ExitCode, shared.Json.GetProperty("mixture").GetString()), Is.EqualTo((ExitCode.Ok, "shared")));
        Assert.That(shared.Json.TryGetProperty("expert", out _), Is.False);
    }

    [Test]
    public void Mistakes_are_named()
    {
        Mistakes.AssertMistake(
            CommandLine.Run("export", _pack, "--expert", "maths", _folder["out"]), ExitCode.BadInput, "'maths'", "'math', 'code'");
        Mistakes.AssertMistake(
            CommandLine.Run("export", _folder.Path, "--expert", "math", _folder["out"]), ExitCode.BadInput, "pack.json");
        Mistakes.AssertMistake(CommandLine.Run("export", _pack, _folder["out"]), ExitCode.Usage, "--expert");
        Mistakes.AssertMistake(
            CommandLine.Run("export", _pack, _folder["out"], "--expert", "math", "--shared"),
            ExitCode.Usage, "--shared: --expert has chosen already; give one of --expert, --mixture and --shared");
        Mistakes.AssertMistake(
            CommandLine.Run("export", _pack, _folder["out"], "--mixture", "math=0.5,code=0.6"),
            ExitCode.BadInput, _pack, "the weights sum to 1.1, not to 1");
        Mistakes.AssertMistake(CommandLine.Run("verify", _folder["nowhere"]), ExitCode.BadInput, "no such directory");
        File.WriteAllText(Path.Combine(_pack, "pack.json"), "{}");
        Mistakes.AssertMistake(CommandLine.Run("inspect", _pack), ExitCode.BadInput, "pack.json", "'format'");
    }

    private static TensorSpec Weight(string name) => new(name, DType.BFloat16, [4, 5]);
}
