using System.Text.Json;

namespace Interfuse.Cli.Tests;

public sealed class DoctorTests
{
    [Test]
    public void Json_describes_the_machine()
    {
        Outcome outcome = CommandLine.RunWith([("INTERFUSE_CPU_PATH", "256"), ("CUDA_VISIBLE_DEVICES", "-1")], "doctor", "--json");

        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok));
        Assert.That(outcome.Error, Is.Empty);
        JsonElement machine = outcome.Json;
        Assert.Multiple(() =>
        {
            Assert.That(machine.GetProperty("paths_agree").GetBoolean(), Is.True);
            Assert.That(machine.GetProperty("cpu_path").GetString(), Is.EqualTo("Vector256"));
            Assert.That(machine.GetProperty("cores").GetInt32(), Is.Positive);
            Assert.That(machine.GetProperty("cuda").GetString(), Does.StartWith("can't be used: "));
            Assert.That(machine.GetProperty("memory").GetInt64(), Is.Positive);
            Assert.That(machine.GetProperty("copy_bytes_per_second").GetDouble(), Is.Positive);
            Assert.That(machine.GetProperty("folder").GetString(), Is.EqualTo(Environment.CurrentDirectory));
            Assert.That(machine.GetProperty("runtime").GetString(), Does.StartWith(".NET 10."));
        });
    }

    [Test]
    public void Text_is_plain_and_says_that_the_self_check_passed()
    {
        Outcome outcome = CommandLine.Run("doctor");

        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok));
        Assert.That(outcome.Error, Is.Empty);
        Assert.That(outcome.Output, Does.StartWith("Interfuse "));
        Assert.That(outcome.Output, Does.Contain("all CPU paths give the same bytes"));
        Assert.That(outcome.Output, Does.Not.Contain('\u001b'));
    }

    [Test]
    public void A_path_that_does_not_exist_is_a_mistake()
    {
        Outcome outcome = CommandLine.RunWith([("INTERFUSE_CPU_PATH", "1024")], "doctor");

        Mistakes.AssertMistake(outcome, ExitCode.BadInput, "INTERFUSE_CPU_PATH", "1024", "scalar, 128, 256 or 512");
    }
}
