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

    /// <summary>The device that is asked for; its caller has threads of its own, each of which computes.</summary>
    public static Device OpenDevice(ParseResult parsed, Output output)
    {
        string name = parsed.GetValue(DeviceName) ?? Devices.Cpu;
        DeviceChoice choice = Devices.Open(name, threads: 1);
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
