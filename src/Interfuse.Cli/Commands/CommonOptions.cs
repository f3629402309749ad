using System.CommandLine;
using Interfuse.Compute;

namespace Interfuse.Cli.Commands;

/// <summary>The options that mean the same in several commands.</summary>
internal static class CommonOptions
{
    /// <summary>More threads than any machine has cores only cost memory.</summary>
    public const int MaxThreads = 1024;

    public static readonly Option<string?> DeviceName = new("--device")
    {
        Description = "What to compute on; the result doesn't depend on it. 'auto' takes CUDA where it can be used and says what it "
            + "chose; 'software' runs the CUDA kernels on the processor, to test them. [default: cpu]",
        HelpName = string.Join('|', Devices.Names),
        CustomParser = Usage.ParseDevice,
    };

    public static readonly Option<ulong?> Threads = new("--threads")
    {
        Description = "Threads to use; the result doesn't depend on it. [default: one per core]",
        HelpName = "N",
        CustomParser = result => Usage.ParseNumber(result, 1, MaxThreads),
    };

    public static readonly Option<long?> ShardSize = new("--shard-size")
    {
        Description = "Begin a new output file at this size, for example 2GB. [default: 5GB]",
        HelpName = "SIZE",
        CustomParser = Usage.ParseSize,
    };

    public static readonly Option<bool> Overwrite = new("--overwrite")
    {
        Description = "Replace the directory at OUT once the new one is complete.",
    };

    public static readonly Option<bool> Json = new("--json")
    {
        Description = "Print one JSON document with all there is to say, and show no progress.",
    };

    public static readonly Option<bool> Quiet = new("--quiet", "-q")
    {
        Description = "Print errors only: no result, no progress, no warnings.",
    };

    /// <summary>The device that is asked for.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="output">Is told what was chosen, where the choice was left open.</param>
    /// <param name="threads">How many threads a processor's device has: 1 for a caller with threads of its own, each of
    /// which computes.</param>
    public static Device OpenDevice(ParseResult parsed, Output output, int threads = 1)
    {
        string name = parsed.GetValue(DeviceName) ?? Devices.Cpu;
        DeviceChoice choice = Devices.Open(name, threads);
        if (name == Devices.Auto)
        {
            output.Note($"device: {choice.Why}");
        }

        return choice.Device;
    }

    /// <summary>The threads that are asked for, or one per core.</summary>
    public static int ThreadsOf(ParseResult parsed) =>
        (int?)parsed.GetValue(Threads) ?? Math.Min(Environment.ProcessorCount, MaxThreads);
}
