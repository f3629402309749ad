using System.Diagnostics;
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

    private (int ExitCode, string Screen) Merge(string terminal, string option = "")
    {
        string command =
            $"'{CommandLine.Host}' '{CommandLine.Program}' merge '{_folder["recipe.yml"]}' '{_folder["out"]}' {option}";
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
