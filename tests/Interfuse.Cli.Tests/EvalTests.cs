using System.Text.Json;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary><c>interfuse eval</c> on the tiny experts.</summary>
public sealed class EvalTests
{
    // Of 4,000 samples: half a minute on a free machine.
    private static readonly TimeSpan Guard = TimeSpan.FromMinutes(10);

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Five_models_on_four_tasks_have_the_accuracies_of_the_reference()
    {
        using RunningCommand command = CommandLine.StartWith(
            [],
            [
                "eval", .. TinyExperts.Names.Select(TinyExperts.PathOf), "--task", .. TinyExperts.Tasks.Select(TinyExperts.TaskPath),
                "--max-tokens", "12", "--samples", _folder["samples.jsonl"], "--json",
            ]);
        Outcome outcome = command.Wait(Guard);

        Assert.That((outcome.ExitCode, outcome.Error), Is.EqualTo((ExitCode.Ok, "")));
        JsonElement[] models = [.. outcome.Json.GetProperty("models").EnumerateArray()];
        JsonElement[] samples = [.. File.ReadLines(_folder["samples.jsonl"]).Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.That(models.Select(model => model.GetProperty("name").GetString()), Is.EqualTo(TinyExperts.Names));
        Assert.That(samples, Has.Length.EqualTo(4000));
        for (int model = 0; model < models.Length; model++)
        {
            JsonElement expected = TinyExperts.Expected.GetProperty("accuracy").GetProperty(TinyExperts.Names[model]);
            double[] accuracies = [.. TinyExperts.Tasks.Select(task => expected.GetProperty(task).GetDouble())];

            Assert.That(Values(models[model], "exact_match"), Is.EqualTo(accuracies).Within(1e-9));
            Assert.That(
                models[model].GetProperty("means").GetProperty("exact_match").GetDouble(),
                Is.EqualTo(accuracies.Average()).Within(1e-9));
            IEnumerable<double> shares = samples.Skip(800 * model).Take(800).Chunk(200)
                .Select(ofTask => ofTask.Average(sample => sample.GetProperty("correct").GetBoolean() ? 1.0 : 0.0));
            Assert.That(shares, Is.EqualTo(accuracies).Within(1e-9), "by the samples");
        }
    }

    [Test]
    public void Experts_of_an_exact_pack_are_as_good_as_by_themselves()
    {
        string pack = TinyExperts.Pack(_folder);
        foreach (string task in TinyExperts.Tasks)
        {
            using RunningCommand command = CommandLine.StartWith(
                [], ["eval", pack, "--expert", task, "--task", TinyExperts.TaskPath(task), "--max-tokens", "12", "--json"]);
            Outcome outcome = command.Wait(Guard);

            Assert.That((outcome.ExitCode, outcome.Error), Is.EqualTo((ExitCode.Ok, "")));
            JsonElement model = outcome.Json.GetProperty("models").EnumerateArray().Single();
            Assert.That(model.GetProperty("name").GetString(), Is.EqualTo("pack:" + task));
            Assert.That(model.GetProperty("expert").GetString(), Is.EqualTo(task));
            Assert.That(
                Values(model, "exact_match").Single(),
                Is.EqualTo(TinyExperts.Expected.GetProperty("accuracy").GetProperty(task).GetProperty(task).GetDouble()).Within(1e-9));
        }
    }

    [Test]
    public void A_table_has_a_row_for_each_model_and_expert_and_a_column_for_each_task()
    {
        string pack = TinyExperts.Pack(_folder);
        string text = _folder.Write("words.jsonl", """{"text": "sort planet="}""" + "\n" + """{"text": "sort river="}""" + "\n");

        Outcome outcome = CommandLine.Run(
            "eval", TinyExperts.PathOf("base"), pack, "--expert", "add", "sort", "--limit", "2", "--max-tokens", "12",
            "--task", TinyExperts.TaskPath("add"), TinyExperts.TaskPath("sort"), "--task", text);

        Assert.That((outcome.ExitCode, outcome.Error), Is.EqualTo((ExitCode.Ok, "")));
        Assert.That(outcome.Output, Does.Match(
            """
            ^                   add         sort       words         mean
                       exact match  exact match  perplexity  exact match
            base             0\.0 %        0\.0 %  +\d+\.\d+        0\.0 %
            pack:add       100\.0 %        0\.0 %  +\d+\.\d+       50\.0 %
            pack:sort        0\.0 %      100\.0 %  +\d+\.\d+       50\.0 %

            6 samples per row; of perplexities a lower one is better; \d+\.\d+ s on CPU \(.*\)
            $
            """));
    }

    [Test]
    public void Mixtures_and_the_shared_model_have_rows_of_their_own()
    {
        string pack = TinyExperts.Pack(_folder);
        string[] arguments =
            ["eval", pack, TinyExperts.PathOf("sort"), "--task", TinyExperts.TaskPath("sort"), "--limit", "3", "--max-tokens", "12"];

        Outcome mixtures = CommandLine.Run([.. arguments, "--mixture", "sort=0.5,add=0.5", "add=0,sort=1", "--json"]);
        Outcome shared = CommandLine.Run([.. arguments, "--shared", "--expert", "sort", "add"]);

        Assert.That((mixtures.ExitCode, mixtures.Error), Is.EqualTo((ExitCode.Ok, "")));
        JsonElement[] models = [.. mixtures.Json.GetProperty("models").EnumerateArray()];
        Assert.That(
            models.Select(model => model.GetProperty("name").GetString()),
            Is.EqualTo(["pack:add=0.5,sort=0.5", "pack:sort", "sort"]));
        Assert.That(models[0].GetProperty("mixture").GetString(), Is.EqualTo("add=0.5,sort=0.5"));
        Assert.That(models[0].TryGetProperty("expert", out _), Is.False);
        Assert.That(models[1].GetProperty("expert").GetString(), Is.EqualTo("sort"));
        Assert.That(Values(models[1], "exact_match"), Is.EqualTo(Values(models[2], "exact_match")));
        Assert.That(shared.ExitCode, Is.EqualTo(ExitCode.Ok), shared.Error);
        Assert.That(
            shared.Output, Does.Match(@"(?m)^pack:sort +\d+\.\d %\npack:add +\d+\.\d %\npack:shared +\d+\.\d %\nsort +\d+\.\d %$"));
    }

    [Test]
    public void Mixtures_that_are_none_are_named()
    {
        string pack = TinyExperts.Pack(_folder);
        string[] arguments = ["eval", pack, "--task", TinyExperts.TaskPath("sort")];

        Mistakes.AssertMistake(
            CommandLine.Run([.. arguments, "--mixture", "sort=0.5,add=0.4"]), ExitCode.BadInput, pack, "'sort=0.5,add=0.4'", "sum to 0.9");
        Mistakes.AssertMistake(
            CommandLine.Run("eval", TinyExperts.PathOf("add"), "--task", TinyExperts.TaskPath("sort"), "--shared"),
            ExitCode.BadInput, "is a plain model without experts", "leave out --shared");
    }

    [Test]
    public void Each_sample_is_written_with_all_that_is_known_of_it()
    {
        string choices = _folder.Write(
            "choices.jsonl", """{"prompt": "add 2+2=", "choices": ["4", "5"], "answer": 0, "source": "by hand"}""" + "\n");
        string texts = _folder.Write("texts.jsonl", "\n" + """{"text": "é \" <"}""" + "\n");
        string samples = _folder["samples.jsonl"];

        Outcome outcome = CommandLine.Run(
            "eval", TinyExperts.PathOf("add"), "--task", choices, texts, TinyExperts.TaskPath("add"), "--limit", "1", "--samples", samples,
            "--json");

        Assert.That((outcome.ExitCode, outcome.Error), Is.EqualTo((ExitCode.Ok, "")));
        Assert.That(
            outcome.Json.GetProperty("tasks").EnumerateArray().Select(task => (
                task.GetProperty("name").GetString(),
                task.GetProperty("metric").GetString(),
                task.GetProperty("higher_is_better").GetBoolean(),
                task.GetProperty("samples").GetInt32())),
            Is.EqualTo([("choices", "accuracy", true, 1), ("texts", "perplexity", false, 1), ("add", "exact_match", true, 1)]));
        JsonElement model = outcome.Json.GetProperty("models")[0];
        Assert.That(
            model.GetProperty("results").EnumerateArray().SelectMany(result => result.EnumerateObject()).Select(metric => metric.Name),
            Is.EqualTo(["accuracy", "accuracy_norm", "perplexity", "bits_per_byte", "exact_match"]));
        Assert.That(model.GetProperty("means").EnumerateObject(), Is.Empty);
        Assert.That(File.ReadAllText(samples), Does.Match(
            """
            ^\{"model":"add","expert":null,"mixture":null,"task":"choices","line":1,"prompt":"add 2\+2=","answer":"4","expected":\["4"\],"correct":true,"choices":\["4","5"\],"log_likelihoods":\[-0\.\d+,-\d+\.\d+\]\}
            \{"model":"add","expert":null,"mixture":null,"task":"texts","line":2,"prompt":"é \\" <","answer":null,"expected":\[\],"correct":null,"choices":\[\],"log_likelihoods":\[-\d+\.\d+\]\}
            \{"model":"add","expert":null,"mixture":null,"task":"add","line":1,"prompt":"add 0\+29=","answer":"29","expected":\["29"\],"correct":true,"choices":\[\],"log_likelihoods":\[\]\}
            $
            """));
        Assert.That(Directory.GetFiles(_folder.Path), Is.EquivalentTo([choices, texts, samples]));
    }

    [Test]
    public void Models_and_tasks_of_one_name_are_told_apart_by_their_paths()
    {
        string model = TinyExperts.Copy("add", _folder["other/add"]);
        string task = _folder.Write("other/tasks/add.jsonl", """{"prompt": "add 1+1=", "answer": "2"}""");

        Outcome outcome = CommandLine.Run(
            "eval", model, TinyExperts.PathOf("add"), "--task", task, TinyExperts.TaskPath("add"), "--limit", "1", "--json");

        JsonElement json = outcome.Json;
        Assert.That(
            json.GetProperty("models").EnumerateArray().Select(row => row.GetProperty("name").GetString()),
            Is.EqualTo([model, TinyExperts.PathOf("add")]));
        Assert.That(
            json.GetProperty("tasks").EnumerateArray().Select(column => column.GetProperty("name").GetString()),
            Is.EqualTo([task, TinyExperts.TaskPath("add")]));
    }

    private static double[] Values(JsonElement model, string metric) =>
        [.. model.GetProperty("results").EnumerateArray().Select(result => result.GetProperty(metric).GetDouble())];
}
