namespace Interfuse.Cli;

/// <summary>What the process tells its caller.</summary>
internal static class ExitCode
{
    public const int Ok = 0;

    /// <summary>A recipe, a model or the target is at fault.</summary>
    public const int BadInput = 1;

    /// <summary>The command line is at fault.</summary>
    public const int Usage = 2;

    /// <summary>Reading or writing failed.</summary>
    public const int InputOutput = 3;

    /// <summary>The device can't be used, or failed.</summary>
    public const int Device = 4;

    /// <summary>Interfuse itself is at fault: EX_SOFTWARE of sysexits.h.</summary>
    public const int Bug = 70;

    /// <summary>Stopped by Ctrl-C or a termination signal: 128 + SIGINT, as shells count.</summary>
    public const int Interrupted = 130;
}
