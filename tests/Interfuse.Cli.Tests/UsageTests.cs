namespace Interfuse.Cli.Tests;

/// <summary>Command lines that make no sense: exit code 2, one message, and where to find help.</summary>
public sealed class UsageTests
{
    [TestCase("", "a command is missing: merge, inspect, analyze, generate, eval, route, serve, hash-key, export, verify, doctor, bench")]
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
    [TestCase("generate --prompt b", "'MODEL_OR_PACK' missing")]
    [TestCase("generate a", "'--prompt' is required")]
    [TestCase("generate a --prompt b --temperature -0.5", "--temperature: '-0.5' isn't a number of 0 or more")]
    [TestCase("generate a --prompt b --temperature warm", "--temperature: 'warm' isn't a number of 0 or more")]
    [TestCase("generate a --prompt b --temperature Infinity", "--temperature: 'Infinity' isn't a number")]
    [TestCase("generate a --prompt b --top-k 1.5", "--top-k: '1.5' isn't a whole number")]
    [TestCase("generate a --prompt b --top-p 0", "--top-p: '0' isn't a number above 0, and 1 at most")]
    [TestCase("generate a --prompt b --min-p 2", "--min-p: '2' isn't a number from 0 to 1")]
    [TestCase("generate a --prompt b --repetition-penalty 0", "--repetition-penalty: '0' isn't a number above 0")]
    [TestCase("generate a --prompt b --max-tokens 0", "--max-tokens: '0' isn't a whole number from 1")]
    [TestCase("generate a --prompt b --system c", "--system: a system message needs --chat")]
    [TestCase("generate a --prompt b --route best", "--route: there is no 'best'; there are classifier, mixture, uncertainty")]
    [TestCase("generate a --prompt b --route mixtur", "--route: there is no 'mixtur', did you mean 'mixture'?")]
    [TestCase("generate a --prompt b --route mixture --expert c", "--route: --expert has chosen already")]
    [TestCase("route", "a command is missing: train, show")]
    [TestCase("route train --calibration a", "'PACK' missing")]
    [TestCase("route train a", "'--calibration' is required")]
    [TestCase("route train a --calibration b --held-out 1", "--held-out: '1' isn't a number above 0 and below 1")]
    [TestCase("route train a --calibration b --depth -1", "--depth: '-1' isn't a whole number")]
    [TestCase("route train a --calibration b --low 1.5", "--low: '1.5' isn't a number from 0 to 1")]
    [TestCase("route show a", "'--prompt' is required")]
    [TestCase("eval a", "'--task' is required")]
    [TestCase("eval --task a", "'MODEL_OR_PACK'")]
    [TestCase("eval a --task b --limt 3", "unknown option '--limt', did you mean '--limit'?")]
    [TestCase("eval a --task b --limit 0", "--limit: '0' isn't a whole number")]
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
    public void An_empty_stop_text_is_a_mistake()
    {
        Mistakes.AssertMistake(
            CommandLine.Run("generate", "a", "--prompt", "b", "--stop", ""), ExitCode.Usage, "--stop: a text is empty");
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
    [TestCase(
        "generate", "MODEL_OR_PACK", "--prompt", "--expert", "--route", "classifier|mixture|uncertainty", "--system",
        "--chat", "--max-tokens", "256", "--temperature", "--top-k", "--top-p", "--min-p", "--repetition-penalty", "--seed", "--stop", "--ignore-eos", "--device", "--threads", "--json", "--quiet")]
    [TestCase(
        "eval", "MODEL_OR_PACK", "--task", "--expert", "--route", "--max-tokens", "64", "--limit", "--stop", "--chat", "--samples", "--device",
        "--threads", "--json", "--quiet")]
    [TestCase("route", "train", "show")]
    [TestCase(
        "route train", "PACK", "--calibration", "--depth", "--held-out", "0.2", "--seed", "--low", "0.1", "--high", "0.75", "--mass", "0.9",
        "--device", "--threads", "--json", "--quiet")]
    [TestCase("route show", "PACK", "--prompt", "--device", "--json")]
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
