using System.CommandLine;
using Interfuse.Compute;
using Interfuse.Compute.Benchmarking;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse bench kernels</c></summary>
internal static class BenchKernelsCommand
{
    private static readonly string[] Operations =
        [.. KernelBenchmarks.All.Select(benchmark => benchmark.Operation).Distinct()];

    private static readonly Option<string?> DeviceName = new("--device")
    {
        Description = "What to measure; 'software' is no measurement, but shows that the CUDA kernels are right. "
            + "[default: auto]",
        HelpName = string.Join('|', Devices.Names),
        CustomParser = Usage.ParseDevice,
    };

    private static readonly Option<string[]> Operation = new("--operation")
    {
        Description = $"Only these operations: {string.Join(", ", Operations)}.",
        HelpName = "NAME",
        AllowMultipleArgumentsPerToken = true,
        CustomParser = result => Usage.ParseNames(result, Operations),
    };

    private static readonly Option<long[]> ElementCounts = new("--sizes")
    {
        Description = "Elements per tensor, for example 64Ki 256Mi. [default: from 1Ki to what saturates the device]",
        HelpName = "N",
        AllowMultipleArgumentsPerToken = true,
        CustomParser = Usage.ParseCounts,
    };

    private static readonly Option<ulong?> Threads = new("--threads")
    {
        Description = "Threads of the CPU. [default: one per core]",
        HelpName = "N",
        CustomParser = result => Usage.ParseNumber(result, 1, CommonOptions.MaxThreads),
    };

    private static readonly Option<bool> Quick = new("--quick")
    {
        Description = "Measure a tenth as long.",
    };

    private static readonly Option<bool> Json = new("--json")
    {
        Description = "Print one JSON document, when all is done.",
    };

    public static Command Create()
    {
        var command = new Command(
            "kernels",
            "Verify every operation of a device against scalar code, then time it beside a copy of as many bytes.")
        {
            DeviceName, Operation, ElementCounts, Threads, Quick, Json,
        };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        string name = parsed.GetValue(DeviceName) ?? Devices.Auto;
        int cores = Math.Min(Environment.ProcessorCount, CommonOptions.MaxThreads);
        DeviceChoice choice = Devices.Open(name, (int?)parsed.GetValue(Threads) ?? cores);
        using Device device = choice.Device;
        using var reference = new CpuDevice(CpuPath.Scalar, cores);
        using DeviceQueue queue = device.CreateQueue();
        if (name == Devices.Auto)
        {
            Messages.Note($"device: {choice.Why}");
        }

        // What is not given is an empty list.
        string[] operations = parsed.GetValue(Operation) is { Length: > 0 } named ? named : Operations;
        long[] sizes = parsed.GetValue(ElementCounts) is { Length: > 0 } given
            ? given
            : KernelBenchmarks.SizesFor(device, isSoftware: name == Devices.Software);
        KernelTiming timing = parsed.GetValue(Quick) ? KernelTiming.Quick : KernelTiming.Full;
        bool json = parsed.GetValue(Json);

        var report = KernelReport.Begin(device);
        WriteUnless(json, report.ToText());
        foreach (KernelBenchmark benchmark in KernelBenchmarks.All.Where(it => operations.Contains(it.Operation)))
        {
            foreach (long elements in sizes)
            {
                if (Measure(benchmark, queue, reference, elements, timing) is { } measurement)
                {
                    KernelRow row = report.Add(measurement);
                    WriteUnless(json, row.ToText());
                }
            }
        }

        if (json)
        {
            Console.WriteLine(Reports.ToJson(report));
        }

        return ExitCode.Ok;
    }

    private static KernelMeasurement? Measure(
        KernelBenchmark benchmark, DeviceQueue queue, Device reference, long elements, KernelTiming timing)
    {
        try
        {
            return benchmark.Measure(queue, reference, elements, timing);
        }
        catch (OutOfDeviceMemoryException error)
        {
            Messages.Note($"left out: {benchmark} of {Sizes.FormatCount(elements)} elements: {error.Message}");
            return null;
        }
    }

    // Rows appear as they are measured: a full run takes minutes.
    private static void WriteUnless(bool json, string text)
    {
        if (!json)
        {
            Console.WriteLine(text);
        }
    }
}
