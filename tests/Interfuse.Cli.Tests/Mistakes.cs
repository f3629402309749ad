using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>What every mistake must lead to: one clear message, the right exit code, and nothing left behind.</summary>
internal static class Mistakes
{
    /// <summary>Runs a merge that must fail and checks all of that.</summary>
    /// <param name="folder">Holds the recipe, the models and the output's place; must not change.</param>
    /// <param name="exitCode">What the process must return.</param>
    /// <param name="arguments">The command line.</param>
    /// <param name="fragments">What the message must say.</param>
    public static void AssertRefused(TempFolder folder, int exitCode, string[] arguments, params string[] fragments)
    {
        Dictionary<string, string> before = SmallModels.Hashes(folder.Path);
        string[] foldersBefore = Directory.GetDirectories(folder.Path, "*", SearchOption.AllDirectories);

        Outcome outcome = CommandLine.Run(arguments);

        Assert.Multiple(() =>
        {
            AssertMistake(outcome, exitCode, fragments);
            Assert.That(SmallModels.Hashes(folder.Path), Is.EqualTo(before), "files were left or changed");
            Assert.That(
                Directory.GetDirectories(folder.Path, "*", SearchOption.AllDirectories),
                Is.EquivalentTo(foldersBefore),
                "folders were left or removed");
        });
    }

    public static void AssertMistake(Outcome outcome, int exitCode, params string[] fragments)
    {
        Assert.Multiple(() =>
        {
            Assert.That(outcome.ExitCode, Is.EqualTo(exitCode));
            Assert.That(outcome.Output, Is.Empty);
            Assert.That(outcome.ErrorLines, Has.Length.EqualTo(exitCode == ExitCode.Usage ? 2 : 1), outcome.Error);
            Assert.That(outcome.Error, Does.StartWith("error: "));
            Assert.That(outcome.Error, Does.Not.Contain("\u001b").And.Not.Contain("Exception"));
            foreach (string fragment in fragments)
            {
                Assert.That(outcome.Error, Does.Contain(fragment));
            }
        });
    }
}
