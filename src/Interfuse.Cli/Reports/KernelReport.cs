using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using Interfuse.Compute;
using Interfuse.Compute.Benchmarking;

namespace Interfuse.Cli;

/// <summary>How fast the operations of a device are, and what that was measured on.</summary>
internal sealed record KernelReport(
    string Version, string? Commit, DateTimeOffset Date, string Device, string? Processor, int Cores, string System)
{
    private readonly List<KernelRow> _rows = [];

    public IReadOnlyList<KernelRow> Rows => _rows;

    public static KernelReport Begin(Device device)
    {
        string[] version = typeof(KernelReport).Assembly
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+');
        return new KernelReport(
            version[0],
            version.Length > 1 ? version[1] : null,
            DateTimeOffset.UtcNow,
            device is CpuDevice cpu ? $"{cpu.Name}, {Sizes.Count(cpu.Threads, "thread")}" : device.Name,
            ProcessorName(),
            Environment.ProcessorCount,
            $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}");
    }

    public KernelRow Add(KernelMeasurement measurement)
    {
        _rows.Add(KernelRow.Of(measurement));
        return _rows[^1];
    }

    /// <summary>What was measured on, and the table's head: Markdown, so that it can be kept as it is.</summary>
    public string ToText() => string.Join('\n',
    [
        Reports.ToText(
            $"Interfuse {Version}{(Commit is null ? "" : $", commit {Commit[..Math.Min(8, Commit.Length)]}")}",
            ("date", Date.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture)),
            ("device", Device),
            ("machine", $"{Processor ?? "processor unknown"}, {Sizes.Count(Cores, "core")}, {System}")),
        "",
        "Bytes: every input, or distinct row asked for, read once and every output written once. The share is that of",
        "a copy of as many bytes on this device, timed in turns with the operation; passes are its reciprocal. Before",
        "it was timed, the result was compared with that of scalar code.",
        "",
        KernelRow.Head,
    ]);

    private static string? ProcessorName()
    {
        const string Information = "/proc/cpuinfo";
        return !File.Exists(Information)
            ? null
            : File.ReadLines(Information)
                .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
                ?.Split(':', 2)[^1].Trim();
    }
}
