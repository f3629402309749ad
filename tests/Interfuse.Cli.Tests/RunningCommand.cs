using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Interfuse.Cli.Tests;

/// <summary>A process of the command line that runs beside the test.</summary>
internal sealed partial class RunningCommand : IDisposable
{
    public const int Interrupt = 2;
    public const int Terminate = 15;
    public const int Continue = 18;
    public const int Stop = 19;

    // Far beyond what any test needs: only a process that hangs meets it.
    private static readonly TimeSpan HangGuard = TimeSpan.FromMinutes(2);

    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _error;

    public RunningCommand(Process process)
    {
        _process = process;
        _output = process.StandardOutput.ReadToEndAsync();
        _error = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Whether the process ends by itself within a time.</summary>
    public bool EndsWithin(TimeSpan time) => _process.WaitForExit(time);

    /// <summary>Returns when something has come true; fails if the process ends before.</summary>
    public void WaitUntil(Func<bool> condition)
    {
        bool over = SpinWait.SpinUntil(() => condition() || _process.HasExited, HangGuard);
        Assert.That(over && !_process.HasExited, Is.True, "the process ended (or hung) before what was waited for");
    }

    public void Signal(int signal) => Signal(_process.Id, signal);

    /// <summary>Sends a process a signal.</summary>
    public static void Signal(int process, int signal) => Assert.That(Kill(process, signal), Is.Zero, "no such process");

    public void Kill() => _process.Kill();

    /// <summary>Waits for the end; fails if it doesn't come.</summary>
    /// <param name="guard">How long a process that hangs is waited for, if not two minutes.</param>
    public Outcome Wait(TimeSpan? guard = null)
    {
        if (!_process.WaitForExit(guard ?? HangGuard))
        {
            _process.Kill();
            Assert.Fail("the process hangs");
        }

        return new Outcome(_process.ExitCode, _output.Result, _error.Result);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
