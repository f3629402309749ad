using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Cli.Tests;

/// <summary>What each kind of exception becomes for the user.</summary>
[NonParallelizable]
public sealed class FailureTests
{
    private StringWriter _error = null!;
    private TextWriter _before = null!;

    [SetUp]
    public void CatchTheErrorStream()
    {
        _before = Console.Error;
        _error = new StringWriter();
        Console.SetError(_error);
    }

    [TearDown]
    public void RestoreTheErrorStream()
    {
        Console.SetError(_before);
        _error.Dispose();
    }

    private static IEnumerable<TestCaseData> Expected()
    {
        yield return Case(new InterfuseException("the recipe is wrong"), ExitCode.BadInput);
        yield return Case(new CheckpointFormatException("a.safetensors", "is truncated"), ExitCode.BadInput);
        yield return Case(new InterfuseException("no place", new IOException("disk")), ExitCode.InputOutput);
        yield return Case(
            new InterfuseException("no place", new UnauthorizedAccessException("rights")), ExitCode.InputOutput);
        yield return Case(new DeviceUnavailableException("cuda", "no driver"), ExitCode.Device);
        yield return Case(new OutOfDeviceMemoryException("GPU", 2, 1), ExitCode.Device);
        yield return Case(new IOException("No space left on device"), ExitCode.InputOutput);
        yield return Case(new UnauthorizedAccessException("Access is denied"), ExitCode.InputOutput);

        static TestCaseData Case(Exception exception, int exitCode) =>
            new TestCaseData(exception, exitCode).SetArgDisplayNames(exception.GetType().Name, $"{exitCode}");
    }

    [TestCaseSource(nameof(Expected))]
    public void A_failure_becomes_its_message_and_an_exit_code(Exception exception, int exitCode)
    {
        Assert.That(Failure.Report(exception), Is.EqualTo(exitCode));
        Assert.That(_error.ToString(), Is.EqualTo($"error: {exception.Message}{Environment.NewLine}"));
    }

    [Test]
    public void An_interruption_is_said_in_a_word()
    {
        Assert.That(Failure.Report(new OperationCanceledException()), Is.EqualTo(ExitCode.Interrupted));
        Assert.That(_error.ToString(), Is.EqualTo($"interrupted{Environment.NewLine}"));
    }

    [Test]
    public void A_bug_is_named_as_such_with_what_a_report_needs()
    {
        Assert.That(Failure.Report(new InvalidOperationException("impossible")), Is.EqualTo(ExitCode.Bug));
        Assert.That(_error.ToString(), Does.StartWith("error: this is a bug in Interfuse"));
        Assert.That(_error.ToString(), Does.Contain("System.InvalidOperationException: impossible"));
    }

    [Test]
    public void Text_from_a_file_cannot_command_the_terminal()
    {
        Failure.Report(new InterfuseException("tensor '\u001b[2J\u009b31m\nerror: forged' is wrong"));

        Assert.That(_error.ToString().Trim(), Is.EqualTo("error: tensor '?[2J?31m error: forged' is wrong"));
    }
}
