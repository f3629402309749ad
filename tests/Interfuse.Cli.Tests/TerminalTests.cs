using System.Diagnostics;
using Interfuse.Checkpoints;
using Interfuse.Experts.Tests;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>What a person at a terminal sees; <c>script</c> of util-linux lends the terminal.</summary>
[Platform("Linux", Reason = "needs script of util-linux")]
public sealed class TerminalTests
{
    private const string HideCursor = "\u001b[?25l";
    private const string ShowCursor = "\u001b[?25h";

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeModels()
    {
        if (!File.Exists("/usr/bin/script"))
        {
            Assert.Ignore("needs /usr/bin/script to make a terminal");
        }

        _folder = new TempFolder();
        SmallModels.WriteThree(_folder);
        _folder.Write("recipe.yml", SmallModels.Ties);
    }

    [TearDown]
    public void DeleteModels() => _folder?.Dispose();

    [Test]
    public void A_bar_is_shown_and_taken_away_again()
    {
        (int exitCode, string screen) = Merge("xterm-256color");

        Assert.That(exitCode, Is.EqualTo(ExitCode.Ok), screen);
        Assert.That(screen, Does.Contain("━━━━").And.Match(@" %  \d/4 tensors  "));
        Assert.That(screen, Does.Contain($"Merged 3 models by ties into {_folder["out"]}"));
        Assert.That(screen.Split(HideCursor), Has.Length.EqualTo(2));
        Assert.That(screen.LastIndexOf(ShowCursor, StringComparison.Ordinal),
            Is.GreaterThan(screen.LastIndexOf(HideCursor, StringComparison.Ordinal)), "the cursor is gone");
        Assert.That(screen[screen.IndexOf("Merged", StringComparison.Ordinal)..], Does.Not.Contain('\u001b'));
    }

    [TestCase("xterm-256color", "--json")]
    [TestCase("dumb", "")]
    public void No_bar_is_shown_where_none_is_wanted(string terminal, string option)
    {
        (int exitCode, string screen) = Merge(terminal, option);

        Assert.That(exitCode, Is.EqualTo(ExitCode.Ok), screen);
        Assert.That(screen, Does.Not.Contain(HideCursor).And.Not.Contain("━").And.Not.Contain(" %  "));
    }

    [Test]
    public void Quiet_sends_nothing_to_the_terminal()
    {
        Assert.That(Merge("xterm-256color", "--quiet"), Is.EqualTo((ExitCode.Ok, "")));
    }

    [Test]
    public void Export_and_verify_show_a_bar_too()
    {
        new PackBuilder("math", "code").RandomShared(3, "model.norm", DType.BFloat16, 5).Write(_folder["pack"]);
        string verify = $"verify '{_folder["pack"]}'";
        string export = $"export '{_folder["pack"]}' --expert code '{_folder["out"]}' --overwrite";

        foreach ((string command, string end) in new[] { (verify, "every hash is right"), (export, "Exported code into") })
        {
            (int exitCode, string screen) = Run("xterm-256color", command);
            Assert.That(exitCode, Is.EqualTo(ExitCode.Ok), screen);
            Assert.That(screen, Does.Contain("━━━━").And.Match(@" %  [\d.]+ \w*B/s").And.Contain(end));
            Assert.That(screen.Split(HideCursor), Has.Length.EqualTo(2));
            Assert.That(screen[screen.LastIndexOf(end, StringComparison.Ordinal)..], Does.Not.Contain('\u001b'));

            (_, screen) = Run("xterm-256color", command + " --json");
            Assert.That(screen, Does.Not.Contain(HideCursor).And.Not.Contain("━").And.Not.Contain(" %  "));
            Assert.That(Run("xterm-256color", command + " --quiet"), Is.EqualTo((ExitCode.Ok, "")));
        }
    }

    private (int ExitCode, string Screen) Merge(string terminal, string option = "") =>
        Run(terminal, $"merge '{_folder["recipe.yml"]}' '{_folder["out"]}' {option}");

    private static (int ExitCode, string Screen) Run(string terminal, string arguments)
    {
        string command = $"'{CommandLine.Host}' '{CommandLine.Program}' {arguments}";
        var start = new ProcessStartInfo("/usr/bin/script", ["-q", "-e", "-c", command, "/dev/null"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };

        // On a build server the bar would be held back.
        foreach (string name in start.Environment.Keys.Where(name => !IsNeeded(name)).ToArray())
        {
            start.Environment.Remove(name);
        }

        start.Environment["TERM"] = terminal;
        using Process process = Process.Start(start)!;
        string screen = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, screen);
    }

    private static bool IsNeeded(string name) =>
        name is "PATH" or "HOME" or "TMPDIR" || name.StartsWith("DOTNET_", StringComparison.Ordinal);
}
