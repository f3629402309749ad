using System.Diagnostics;
using System.Runtime.Versioning;
using Interfuse.Merging.Recipes;
using Interfuse.Merging.Search;

namespace Interfuse.Merging.Tests.Search;

/// <summary>Commands that evaluate models, good ones and bad ones, as processes.</summary>
[Platform("Unix", Reason = "runs sh")]
[UnsupportedOSPlatform("windows")]
public sealed class CommandEvaluatorTests
{
    private Workshop _workshop = null!;

    [SetUp]
    public void MakeWorkshop() => _workshop = new Workshop();

    [TearDown]
    public void DeleteWorkshop() => _workshop.Dispose();

    [TestCase("echo loading; echo 0.75", ExpectedResult = 0.75)]
    [TestCase("echo 0.5; echo; echo '  '", ExpectedResult = 0.5)]
    [TestCase("printf -- -1e-3", ExpectedResult = -0.001)]
    [TestCase("echo noise >&2; echo 3", ExpectedResult = 3)]
    [TestCase("seq 1 100000", ExpectedResult = 100000)]
    [TestCase("test \"$0\" = \"my model; exit 1\" && echo 7", ExpectedResult = 7)]
    [TestCase("cat; echo 2", ExpectedResult = 2, Description = "the standard input is empty")]
    [TestCase("sleep 60 & echo 4", ExpectedResult = 4, Description = "a process left behind holds the output open")]
    public double The_last_line_is_the_score(string script) => Evaluator(script).Evaluate("my model; exit 1", default);

    [TestCase("echo starting; echo broken >&2; exit 3", "exit code 3", "starting", "broken")]
    [TestCase("echo 0.5; exit 1", "exit code 1", "0.5")]
    [TestCase("echo 0.5; echo done", "no number on its last line", "done")]
    [TestCase("true", "no number on its last line", "it printed nothing")]
    [TestCase("echo nan", "printed nan", "finite")]
    [TestCase("echo NaN", "printed NaN", "finite")]
    [TestCase("echo Infinity", "printed Infinity", "finite")]
    public void A_command_that_gives_no_score_is_quoted_with_the_end_of_its_output(string script, params string[] fragments)
    {
        InterfuseException error = Assert.Throws<InterfuseException>(() => Evaluator(script).Evaluate("/m", default))!;

        Assert.That(error.Message, Does.Contain("sh -c").And.Contain("/m"));
        foreach (string fragment in fragments)
        {
            Assert.That(error.Message, Does.Contain(fragment));
        }
    }

    [Test]
    public void A_command_that_hangs_is_killed_with_its_children()
    {
        string pids = _workshop["pids"];
        string script = $"sleep 300 & echo $! > {pids}; echo waiting; sleep 300";
        long begin = Stopwatch.GetTimestamp();

        InterfuseException error = Assert.Throws<InterfuseException>(
            () => Evaluator(script, timeout: 1).Evaluate("/m", default))!;

        Assert.That(Stopwatch.GetElapsedTime(begin), Is.LessThan(TimeSpan.FromSeconds(60)));
        Assert.That(error.Message, Does.Contain("did not end within 1 s").And.Contain("waiting").And.Contain("'timeout'"));
        AssertGone(pids);
    }

    [Test]
    public void A_search_that_is_stopped_kills_the_command_with_its_children()
    {
        string pids = _workshop["pids"];
        using var stop = new CancellationTokenSource();
        Task<double> evaluation = Task.Run(() =>
            Evaluator($"sleep 300 & echo $! > {pids}; sleep 300").Evaluate("/m", stop.Token));
        Assert.That(() => File.Exists(pids) && File.ReadAllText(pids).EndsWith('\n'), Is.True.After(30_000, 20));

        stop.Cancel();

        Assert.That(async () => await evaluation, Throws.InstanceOf<OperationCanceledException>());
        AssertGone(pids);
    }

    [Test]
    public void A_program_that_does_not_exist_is_named()
    {
        Recipe recipe = _workshop.Read(Yaml("[./no-such-program, \"{model}\"]"));

        Assert.That(
            () => new CommandEvaluator(recipe).Evaluate("/m", default),
            Throws.TypeOf<InterfuseException>().With.Message.Contains("can't be started")
                .And.Message.Contains("no-such-program"));
    }

    [Test]
    public void A_path_is_relative_to_the_recipe_as_are_the_commands_own()
    {
        string script = _workshop.Write("score.sh", "#!/bin/sh\ncat number\n");
        _workshop.Write("number", "0.25\n");
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Recipe recipe = _workshop.Read(Yaml("./score.sh {model}"));

        Assert.That(new CommandEvaluator(recipe).Evaluate("/m", default), Is.EqualTo(0.25));
    }

    private CommandEvaluator Evaluator(string script, int timeout = 60) => new(_workshop.Read(Yaml(
        $"[sh, -c, '{script.Replace("'", "''", StringComparison.Ordinal)}', \"{{model}}\"]\n  timeout: {timeout}")));

    private static string Yaml(string command) =>
        $"merge_method: greedy_soup\nmodels: [{{model: ./a}}, {{model: ./b}}]\nevaluate:\n  command: {command}\n";

    // A process that was killed but that nobody has waited for yet is gone too.
    private static void AssertGone(string pids)
    {
        string status = $"/proc/{File.ReadAllText(pids).Trim()}/status";
        Assert.That(
            () => !File.Exists(status) || File.ReadAllText(status).Contains("State:\tZ", StringComparison.Ordinal),
            Is.True.After(10_000, 20));
    }
}
