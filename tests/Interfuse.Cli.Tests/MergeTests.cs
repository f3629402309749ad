using System.Text.Json;
using Interfuse.Checkpoints;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>Merges that succeed: what is printed, and what the options change.</summary>
public sealed class MergeTests
{
    private TempFolder _folder = null!;

    [SetUp]
    public void MakeModels()
    {
        _folder = new TempFolder();
        SmallModels.WriteThree(_folder);
        _folder.Write("recipe.yml", SmallModels.Linear);
    }

    [TearDown]
    public void DeleteModels() => _folder.Dispose();

    [Test]
    public void A_merge_makes_a_model_and_says_so_in_plain_text()
    {
        Outcome outcome = Merge();

        Assert.That(outcome.Error, Is.Empty);
        Assert.That(outcome.Output, Does.StartWith($"Merged 2 models by linear into {_folder["out"]}\n"));
        Assert.That(outcome.Output, Does.Match(@"(?m)^  tensors     4$").And.Match(@"(?m)^  parameters  264$"));
        Assert.That(outcome.Output, Does.Match(@"(?m)^  time        \d+\.\d+ s on \d+ threads?, \d.*B/s$"));
        Assert.That(outcome.Output, Does.Not.Contain('\u001b'));
        Assert.That(
            Directory.GetFiles(_folder["out"]).Select(file => Path.GetFileName(file)),
            Is.EquivalentTo(["model.safetensors", "config.json", "README.md", "interfuse_recipe.yml"]));
    }

    [Test]
    public void A_dry_run_writes_nothing_and_prints_the_plan()
    {
        Dictionary<string, string> before = SmallModels.Hashes(_folder.Path);

        Outcome outcome = Merge("--dry-run");

        Assert.That(outcome.Error, Is.Empty);
        Assert.That(outcome.Output, Does.StartWith($"Would merge 2 models by linear into {_folder["out"]}\n"));
        Assert.That(outcome.Output, Does.Contain(_folder["expert1"]).And.Contain(_folder["expert2"]));
        Assert.That(outcome.Output, Does.Match(@"(?m)^  tensors     4$").And.Match(@"(?m)^  bytes in    1\.06 kB$"));
        Assert.That(outcome.Output, Does.Match(@"(?m)^  memory      at most 4\.00 GiB on \d+ threads?$"));
        Assert.That(outcome.Output, Does.Match(@"(?m)^  files       model\.safetensors  4 tensors  \d"));
        Assert.That(SmallModels.Hashes(_folder.Path), Is.EqualTo(before));
        Assert.That(Directory.GetDirectories(_folder.Path), Has.Length.EqualTo(3));
    }

    [Test]
    public void The_figures_of_a_dry_run_are_those_of_the_run()
    {
        JsonElement plan = Merge("--json", "--dry-run", "--shard-size", "200").Json;
        JsonElement result = Merge("--json", "--shard-size", "200").Json;

        foreach (string figure in new[] { "method", "target", "tensors", "parameters", "bytes_out", "threads" })
        {
            Assert.That(result.GetProperty(figure).ToString(), Is.EqualTo(plan.GetProperty(figure).ToString()), figure);
        }

        Assert.That(result.GetProperty("bytes_read").GetInt64(), Is.EqualTo(plan.GetProperty("bytes_in").GetInt64()));
        Assert.That(plan.GetProperty("max_memory").GetInt64(), Is.EqualTo(4L << 30));
        Dictionary<string, long> planned = plan.GetProperty("shards").EnumerateArray().ToDictionary(
            shard => shard.GetProperty("file").GetString()!, shard => shard.GetProperty("bytes").GetInt64());
        Dictionary<string, long> written = new DirectoryInfo(_folder["out"]).GetFiles("*.safetensors")
            .ToDictionary(file => file.Name, file => file.Length);
        Assert.That(written, Is.EqualTo(planned));
        Assert.That(
            new DirectoryInfo(_folder["out"]).GetFiles("model*").Sum(file => file.Length),
            Is.EqualTo(plan.GetProperty("bytes_out").GetInt64()));
    }

    [Test]
    public void Json_is_one_document_with_what_was_done()
    {
        Outcome outcome = Merge("--json", "--threads", "1");

        Assert.That(outcome.Error, Is.Empty);
        JsonElement result = outcome.Json;
        Assert.Multiple(() =>
        {
            Assert.That(result.GetProperty("method").GetString(), Is.EqualTo("linear"));
            Assert.That(result.GetProperty("models").GetInt32(), Is.EqualTo(2));
            Assert.That(result.GetProperty("target").GetString(), Is.EqualTo(_folder["out"]));
            Assert.That(result.GetProperty("tensors").GetInt32(), Is.EqualTo(4));
            Assert.That(result.GetProperty("tensors_resumed").GetInt32(), Is.Zero);
            Assert.That(result.GetProperty("parameters").GetInt64(), Is.EqualTo(264));
            Assert.That(result.GetProperty("bytes_written").GetInt64(), Is.EqualTo(528));
            Assert.That(result.GetProperty("threads").GetInt32(), Is.EqualTo(1));
            Assert.That(result.GetProperty("seconds").GetDouble(), Is.Positive);
            Assert.That(result.GetProperty("non_finite").GetArrayLength(), Is.Zero);
            Assert.That(result.GetProperty("warnings").GetArrayLength(), Is.Zero);
        });
    }

    [Test]
    public void Values_that_are_no_numbers_are_reported()
    {
        (TensorSpec Spec, byte[] Data) norm = SmallModels.BFloat16(1, "model.norm.weight", 8);
        (norm.Data[4], norm.Data[5]) = (0xc0, 0x7f);
        ModelFolder.Write(_folder["expert1"], [.. SmallModels.Tensors(1)[..3], norm], config: SmallModels.Config);

        Assert.That(Merge().Output, Does.Match(@"(?m)^  NaN/inf     1 in model\.norm\.weight$"));
        JsonElement found = Merge("--json", "--overwrite").Json.GetProperty("non_finite")[0];
        Assert.That(found.GetProperty("tensor").GetString(), Is.EqualTo("model.norm.weight"));
        Assert.That(found.GetProperty("count").GetInt64(), Is.EqualTo(1));
    }

    [Test]
    public void Quiet_prints_nothing()
    {
        _folder.Write("recipe.yml", WithWarning);

        Outcome outcome = Merge("--quiet");

        Assert.That(outcome.Output, Is.Empty);
        Assert.That(outcome.Error, Is.Empty);
        Assert.That(_folder["out", "model.safetensors"], Does.Exist);
    }

    [Test]
    public void Warnings_go_to_the_error_stream_and_into_the_JSON()
    {
        _folder.Write("recipe.yml", WithWarning);

        Outcome outcome = Merge("--json");

        string warning = outcome.Json.GetProperty("warnings")[0].GetString()!;
        Assert.That(outcome.Error, Is.EqualTo($"warning: {warning}\n"));
        Assert.That(warning, Does.Contain("'no_such_part'"));
    }

    [Test]
    public void Overwriting_replaces_a_model_and_only_when_asked()
    {
        Merge();
        byte[] first = File.ReadAllBytes(_folder["out", "model.safetensors"]);
        _folder.Write("out/notes.txt", "of the old model");
        _folder.Write("recipe.yml", SmallModels.Ties);
        Mistakes.AssertRefused(
            _folder, ExitCode.BadInput, ["merge", _folder["recipe.yml"], _folder["out"]], _folder["out"], "not empty");

        Merge("--overwrite");

        Assert.That(File.ReadAllBytes(_folder["out", "model.safetensors"]), Is.Not.EqualTo(first));
        Assert.That(_folder["out", "notes.txt"], Does.Not.Exist);
        Assert.That(_folder["out.partial"], Does.Not.Exist);
    }

    [Test]
    public void A_small_shard_size_makes_several_files_that_load_as_one_model()
    {
        Merge();
        Dictionary<string, double[]> whole = ModelTensors.Read(_folder["out"]);

        Merge("--shard-size", "200", "--overwrite");

        Assert.That(Directory.GetFiles(_folder["out"], "model-*-of-*.safetensors"), Has.Length.EqualTo(3));
        Assert.That(_folder["out", "model.safetensors.index.json"], Does.Exist);
        Assert.That(ModelTensors.Read(_folder["out"]), Is.EqualTo(whole));
    }

    [Test]
    public void The_seed_decides_what_is_dropped()
    {
        _folder.Write("recipe.yml", SmallModels.DareTies);
        byte[] Merged(string seed)
        {
            Merge("--seed", seed, "--overwrite");
            return File.ReadAllBytes(_folder["out", "model.safetensors"]);
        }

        byte[] first = Merged("0");

        Assert.That(Merged("18446744073709551615"), Is.Not.EqualTo(first));
        Assert.That(Merged("0"), Is.EqualTo(first));
    }

    [Test]
    public void Embeddings_are_cut_when_that_is_asked_for()
    {
        ModelFolder.Write(
            _folder["expert2"],
            [SmallModels.BFloat16(2, "model.embed_tokens.weight", 18, 8), .. SmallModels.Tensors(2)[1..]],
            config: SmallModels.Config.Replace("\"vocab_size\": 16", "\"vocab_size\": 18"));

        Outcome outcome = Merge("--truncate-embeddings");

        Assert.That(outcome.Error, Does.StartWith("warning: ").And.Contain("16 rows"));
        using var merged = Checkpoint.Open(_folder["out"]);
        Assert.That(merged.TryGetTensor("model.embed_tokens.weight", out CheckpointTensor? embedding), Is.True);
        Assert.That(embedding!.Shape, Is.EqualTo(new long[] { 16, 8 }));
    }

    // A filter that matches no tensor.
    private static string WithWarning => SmallModels.Linear.Replace(
        "{weight: 0.25}", "{weight: [{filter: no_such_part, value: 1}, {value: 0.25}]}");

    private Outcome Merge(params string[] options)
    {
        Outcome outcome = CommandLine.Run(["merge", _folder["recipe.yml"], _folder["out"], .. options]);
        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok), outcome.Error);
        return outcome;
    }
}
