using System.Text.Json;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>Greedy soups and searches from the command line, with the tiny experts and with commands.</summary>
public sealed class SearchTests
{
    private TempFolder _folder = null!;

    private string Target => _folder["out"];

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void A_greedy_soup_of_the_tiny_experts_is_as_good_as_the_best_of_them_and_can_be_made_again()
    {
        string recipe = TinyRecipe("greedy_soup", ["add", "cipher"], "", "");

        Outcome outcome = CommandLine.Run("merge", recipe, Target, "--json");

        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok), outcome.Error);
        Assert.That(outcome.Json.GetProperty("evaluations").GetInt32(), Is.EqualTo(3));
        double[] scores = Scores("greedy_soup.json");
        Assert.That(scores[..2], Has.Some.GreaterThan(0.3), "an expert answers its own task");
        Assert.That(outcome.Json.GetProperty("score").GetDouble(), Is.EqualTo(scores.Max()));
        AssertCanBeMadeAgain("greedy_soup.json");
    }

    [Test]
    public void A_search_of_the_tiny_experts_finds_better_weights_than_a_single_expert()
    {
        const string Search = """
            search:
              strategy: grid
              parameters: {weight: [0.5, 1]}

            """;
        string recipe = TinyRecipe("task_arithmetic", ["add", "cipher"], $"base_model: {Tiny("base")}\n", Search);

        Outcome outcome = CommandLine.Run("merge", recipe, Target, "--json");

        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok), outcome.Error);
        Assert.That(Scores("search.json"), Has.Length.EqualTo(2));
        Assert.That(outcome.Json.GetProperty("score").GetDouble(), Is.GreaterThan(0.5), "the two tasks' mean, alone 0.5 at most");
        AssertCanBeMadeAgain("search.json");
    }

    [Test]
    public void A_dry_run_says_how_many_evaluations_there_would_be()
    {
        string recipe = TinyRecipe("greedy_soup", ["add", "cipher", "sort"], "", "");

        Outcome outcome = CommandLine.Run("merge", recipe, Target, "--dry-run");

        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok), outcome.Error);
        Assert.That(outcome.Output, Does.StartWith("Would evaluate up to 5 candidates"));
        Assert.That(Target, Does.Not.Exist);
        Assert.That(Target + ".partial", Does.Not.Exist);
    }

    [Test]
    public void Tasks_of_different_direction_are_refused()
    {
        _folder.Write("text.jsonl", "{\"text\": \"some text\"}\n");
        _folder.Write("answers.jsonl", "{\"prompt\": \"1+1=\", \"answer\": \"2\"}\n");
        AssertRefused("tasks: [answers.jsonl, text.jsonl]", "text.jsonl", "perplexity");
    }

    [Test]
    public void A_task_that_does_not_exist_is_named() => AssertRefused("tasks: none.jsonl", "none.jsonl", "there is no such file");

    [Test]
    public void A_broken_line_of_a_task_is_named()
    {
        _folder.Write("broken.jsonl", "{\"prompt\": \"1+1=\", \"answer\": \"2\"}\n{\"prompt\": \n");
        AssertRefused("tasks: broken.jsonl", "broken.jsonl", "line 2");
    }

    [Test]
    [Platform("Unix", Reason = "runs sh")]
    public void A_command_that_fails_is_quoted_and_leaves_nothing() =>
        AssertRefused("command: [sh, -c, 'echo out of luck; exit 3', '{model}']", "exit code 3", "out of luck", "sh -c");

    [Test]
    [Platform("Linux", Reason = "sends signals by Linux's numbers")]
    public void A_search_that_is_interrupted_goes_on_where_it_was()
    {
        SmallModels.WriteThree(_folder);
        string recipe = Soup("command: [sh, -c, 'echo x >> count; test -f go || [ $(wc -l < count) -lt 2 ] || sleep 60; echo 1', "
            + "'{model}']");
        using (RunningCommand search = CommandLine.StartWith([], "merge", recipe, Target))
        {
            string count = _folder["count"];
            search.WaitUntil(() => File.Exists(count) && File.ReadAllLines(count).Length == 2);
            search.Signal(RunningCommand.Interrupt);

            Assert.That(search.EndsWithin(TimeSpan.FromSeconds(20)), Is.True, "a guard against hanging, not a stopwatch");
            Outcome outcome = search.Wait();
            Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Interrupted), outcome.Error);
            Assert.That(outcome.Error, Does.Contain("--resume"));
        }

        _folder.Write("go", "");
        Outcome resumed = CommandLine.Run("merge", recipe, Target, "--resume", "--json");

        Assert.That(resumed.ExitCode, Is.EqualTo(ExitCode.Ok), resumed.Error);
        Assert.That(resumed.Json.GetProperty("evaluations_resumed").GetInt32(), Is.EqualTo(1));
        Assert.That(File.ReadAllLines(_folder["count"]), Has.Length.EqualTo(4), "one that counts, one interrupted, two more");
    }

    private static string Tiny(params string[] names) => Repository.PathOf(["examples", "tiny-experts", .. names]);

    // Few samples: the tests are about the search, not about the models.
    private string TinyRecipe(string method, string[] experts, string head, string search)
    {
        string models = string.Concat(experts.Select(expert => $"  - model: {Tiny(expert)}\n"));
        string tasks = string.Join(", ", experts.Select(expert => Tiny("tasks", expert + ".jsonl")));
        return _folder.Write(
            "recipe.yml",
            $"merge_method: {method}\n{head}models:\n{models}{search}evaluate:\n  tasks: [{tasks}]\n  limit: 8\n"
                + "  max_tokens: 12\ndtype: bfloat16\n");
    }

    private string Soup(string evaluate) => _folder.Write(
        "recipe.yml",
        $"merge_method: greedy_soup\nmodels: [{{model: ./expert1}}, {{model: ./expert2}}]\nevaluate:\n  {evaluate}\n");

    private void AssertRefused(string evaluate, params string[] fragments)
    {
        SmallModels.WriteThree(_folder);
        Mistakes.AssertRefused(_folder, ExitCode.BadInput, ["merge", Soup(evaluate), Target], fragments);
    }

    private double[] Scores(string log)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Target, log)));
        return [.. document.RootElement.GetProperty("candidates").EnumerateArray()
            .Select(candidate => candidate.GetProperty("score").GetDouble())];
    }

    private void AssertCanBeMadeAgain(string log)
    {
        string recipe = _folder["again", "recipe.yml"];
        Directory.CreateDirectory(_folder["again"]);
        File.Copy(Path.Combine(Target, "interfuse_recipe.yml"), recipe);
        Outcome again = CommandLine.Run("merge", recipe, _folder["again", "out"]);
        Assert.That(again.ExitCode, Is.EqualTo(ExitCode.Ok), again.Error);
        Dictionary<string, string> expected = SmallModels.Hashes(Target);
        expected.Remove(log);
        Assert.That(SmallModels.Hashes(_folder["again", "out"]), Is.EqualTo(expected));
    }
}
