using System.CommandLine;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse bench</c>: the measurements, one command each.</summary>
internal static class BenchCommand
{
    public static Command Create() => new("bench", "Measure how fast this machine is.")
    {
        BenchKernelsCommand.Create(),
    };
}
