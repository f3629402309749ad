namespace Interfuse.Cli.Tests;

/// <summary>Command lines that make no sense: exit code 2, one message, and where to find help.</summary>
public sealed class UsageTests
{
    [TestCase("", "a command is missing: merge, inspect, analyze, export, verify, doctor, bench")]
    [TestCase("mrege a b", "unknown command 'mrege', did you mean 'merge'?")]
    [TestCase("--hlep", "unknown option '--hlep', did you mean '--help'?")]
    [TestCase("merge", "'RECIPE' missing")]
    [TestCase("merge recipe.yml", "'OUT' missing")]
    [TestCase("inspect", "'PATH' missing")]
    [TestCase("merge a b c", "unexpected argument 'c'")]
    [TestCase("merge a b --thread 3", "unknown option '--thread', did you mean '--threads'?")]
    [TestCase("merge --thread=3 a b", "unknown option '--thread', did you mean '--threads'?")]
    [TestCase("merge --dryrun a", "unknown option '--dryrun', did you mean '--dry-run'?")]
    [TestCase("merge a b -x", "unknown option '-x'")]
    [TestCase("merge a b --threads", "argument missing for option: '--threads'")]
    [TestCase("merge a b --threads 1 --threads 2", "'--threads' expects a single argument")]
    [TestCase("merge a b --threads 0", "--threads: '0' isn't a whole number from 1 to 1024")]
    [TestCase("merge a b --threads two", "--threads: 'two' isn't a whole number")]
    [TestCase("merge a b --threads 1025", "--threads: '1025' isn't a whole number")]
    [TestCase("merge a b --seed -1", "--seed: '-1' isn't a whole number from 0 to 18446744073709551615")]
    [TestCase("merge a b --max-memory 5Q", "--max-memory: '5Q' isn't a size; write for example 512MiB")]
    [TestCase("merge a b --shard-size 5B", "--shard-size: '5B' isn't a size")]
    [TestCase("merge a b --semantics mine", "--semantics: 'mine' is none of published, mergekit")]
    [TestCase("merge a b --device gpu", "--device: 'gpu' is none of auto, cpu, cuda, software")]
    public void A_mistake_is_named_and_help_is_offered(string line, string message)
    {
        Outcome outcome = CommandLine.Run(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Mistakes.AssertMistake(outcome, ExitCode.Usage, message, "--help");
    }

    [Test]
    public void An_empty_path_is_a_mistake()
    {
        Mistakes.AssertMistake(CommandLine.Run("merge", "recipe.yml", ""), ExitCode.Usage, "an argument is empty");
    }

    [Test]
    public void A_path_that_begins_with_an_at_sign_is_a_path()
    {
        Outcome outcome = CommandLine.Run("merge", "@recipe.yml", "out");

        Mistakes.AssertMistake(outcome, ExitCode.BadInput, "@recipe.yml: there is no such file");
    }

    [TestCase("", "merge", "inspect", "export", "verify", "doctor", "bench", "--version", "Exit codes", "130")]
    [TestCase(
        "merge", "RECIPE", "OUT", "--threads", "--max-memory", "--shard-size", "--seed", "--semantics", "--overwrite",
        "--truncate-embeddings", "--resume", "--dry-run", "--json", "--quiet", "4GiB", "5GB", "published")]
    [TestCase("inspect", "PATH", "--tensors", "--json")]
    [TestCase("export", "PACK", "OUT", "--expert", "--shard-size", "5GB", "--overwrite", "--json", "--quiet")]
    [TestCase("verify", "PACK", "--json", "--quiet")]
    [TestCase("doctor", "--json")]
    [TestCase("bench", "kernels")]
    [TestCase(
        "bench kernels", "--device", "auto|cpu|cuda|software", "--operation", "find-threshold", "--sizes", "64Ki", "--threads",
        "--quick", "--json")]
    public void Help_names_everything_there_is(string command, params string[] words)
    {
        Outcome outcome = CommandLine.Run([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);

        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok));
        Assert.That(outcome.Error, Is.Empty);
        foreach (string word in words)
        {
            Assert.That(outcome.Output, Does.Contain(word));
        }
    }
}
