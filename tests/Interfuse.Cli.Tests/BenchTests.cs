using System.Text.Json;
using Interfuse.Compute.Benchmarking;

namespace Interfuse.Cli.Tests;

public sealed class BenchTests
{
    [Test]
    public void Json_has_every_row_and_what_it_was_measured_on()
    {
        Outcome outcome = CommandLine.Run(
            "bench", "kernels", "--device", "cpu", "--threads", "1", "--quick", "--json",
            "--operation", "copy", "find-threshold", "--sizes", "1Ki", "1000");

        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok), outcome.Error);
        JsonElement report = outcome.Json;
        JsonElement[] rows = [.. report.GetProperty("rows").EnumerateArray()];
        JsonElement copy = rows[0];
        Assert.Multiple(() =>
        {
            Assert.That(report.GetProperty("device").GetString(), Does.Contain("1 thread"));
            Assert.That(report.GetProperty("cores").GetInt32(), Is.Positive);
            Assert.That(
                report.GetProperty("date").GetDateTimeOffset(), Is.GreaterThan(DateTimeOffset.UtcNow.AddHours(-1)));
            Assert.That(rows.Select(row => row.GetProperty("operation").GetString()).Distinct(),
                Is.EqualTo((string[])["copy", "find-threshold"]));
            Assert.That(rows, Has.Length.EqualTo(2 * (1 + 5)));
            Assert.That(rows.Select(row => row.GetProperty("verified").GetString()), Has.All.EqualTo("whole"));
            Assert.That(rows.Select(row => row.GetProperty("microseconds").GetDouble()), Has.All.Positive);
            Assert.That(rows.Select(row => row.GetProperty("copy_share").GetDouble()), Has.All.Positive);
            Assert.That(copy.GetProperty("elements").GetInt64(), Is.EqualTo(1024));
            Assert.That(copy.GetProperty("bytes_read").GetInt64(), Is.EqualTo(2048));
            Assert.That(copy.GetProperty("bytes_written").GetInt64(), Is.EqualTo(2048));
            Assert.That(copy.TryGetProperty("passes", out _), Is.False);
            Assert.That(rows[^1].GetProperty("passes").GetDouble(), Is.Positive);
        });
    }

    [Test]
    public void Every_operation_is_measured_unless_some_are_named()
    {
        Outcome outcome = CommandLine.Run("bench", "kernels", "--device", "cpu", "--quick", "--sizes", "1Ki", "--json");

        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok), outcome.Error);
        string[] measured = [.. outcome.Json.GetProperty("rows").EnumerateArray()
            .Select(row => row.GetProperty("operation").GetString()!).Distinct()];
        Assert.That(measured, Does.Contain("copy").And.Contain("find-threshold").And.Contain("gather-multiply"));
        Assert.That(measured, Has.Length.EqualTo(KernelBenchmarks.All.Select(it => it.Operation).Distinct().Count()));
    }

    [Test]
    public void Text_is_a_plain_table()
    {
        Outcome outcome = CommandLine.Run(
            "bench", "kernels", "--device", "cpu", "--quick", "--operation", "dot", "--sizes", "64Ki");

        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok), outcome.Error);
        string[] lines = outcome.Output.TrimEnd().Split('\n');
        string[] table = [.. lines.Where(line => line.StartsWith('|'))];
        Assert.That(table, Has.Length.EqualTo(3));
        Assert.That(table.Select(line => line.Length).Distinct().Count(), Is.EqualTo(1));
        Assert.That(table[2], Does.StartWith("| dot ").And.Contain(" 64Ki |").And.Contain("| whole "));
        Assert.That(outcome.Output, Does.StartWith("Interfuse ").And.Not.Contain('\u001b'));
    }

    [TestCase("bench", "a command is missing: kernels", "interfuse bench --help")]
    [TestCase("bench kernel", "unknown command 'kernel', did you mean 'kernels'?", "interfuse bench --help")]
    [TestCase("bench kernels --size 3", "did you mean '--sizes'?", "interfuse bench kernels --help")]
    [TestCase("bench kernels --sizes 0", "--sizes: '0' isn't a count", "64Ki")]
    [TestCase("bench kernels --sizes 1Ki 9999999999Gi", "--sizes: '9999999999Gi' isn't a count", "64Ki")]
    [TestCase("bench kernels --operation dott", "there is no 'dott', did you mean 'dot'?", "kernels --help")]
    [TestCase("bench kernels --operation xyzzy", "there is no 'xyzzy'; there are copy, convert, ", "gather-multiply")]
    [TestCase("bench kernels --device gpu", "--device: 'gpu' is none of auto, cpu, cuda, software", "kernels --help")]
    public void A_mistake_is_named_and_help_is_offered(string line, string message, string way)
    {
        Outcome outcome = CommandLine.Run(line.Split(' '));

        Mistakes.AssertMistake(outcome, ExitCode.Usage, message, way);
    }

    [TestCase("1", 1)]
    [TestCase("1000", 1000)]
    [TestCase("64Ki", 64 << 10)]
    [TestCase("256Mi", 256 << 20)]
    [TestCase("3Gi", 3L << 30)]
    public void Counts_are_read_and_written_alike(string text, long count)
    {
        Assert.That(Sizes.TryParseCount(text, out long parsed), Is.True);
        Assert.That(parsed, Is.EqualTo(count));
        Assert.That(Sizes.FormatCount(count), Is.EqualTo(text));
    }

    [TestCase("")]
    [TestCase("Ki")]
    [TestCase("0")]
    [TestCase("-1")]
    [TestCase("1.5Ki")]
    [TestCase("1K")]
    [TestCase("8589934592Gi")]
    public void What_is_no_count_is_refused(string text) => Assert.That(Sizes.TryParseCount(text, out _), Is.False);
}
