using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Compute.Cuda;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse doctor</c></summary>
internal static class DoctorCommand
{
    private static readonly Option<bool> Json = new("--json")
    {
        Description = "Print one JSON document.",
    };

    public static Command Create()
    {
        var command = new Command("doctor", "Show what this machine offers, and check that it computes rightly.")
        {
            Json,
        };
        command.SetAction(parsed =>
        {
            DoctorReport report = Examine();
            Console.WriteLine(parsed.GetValue(Json) ? Reports.ToJson(report) : report.ToText());
            return report.PathsAgree ? ExitCode.Ok : ExitCode.BadInput;
        });
        return command;
    }

    private static DoctorReport Examine()
    {
        string folder = Environment.CurrentDirectory;
        return new DoctorReport(
            typeof(DoctorCommand).Assembly.GetName().Version!.ToString(3),
            RuntimeInformation.FrameworkDescription,
            $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}",
            Environment.ProcessorCount,
            GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            folder,
            new DriveInfo(folder).AvailableFreeSpace,
            CpuKernels.BestPath.ToString(),
            PathsAgree(),
            CopyBytesPerSecond(),
            Cuda());
    }

    private static string Cuda()
    {
        try
        {
            using Device device = Devices.Open(Devices.Cuda, threads: 1).Device;
            return device.Name;
        }
        catch (DeviceUnavailableException error)
        {
            return $"can't be used: {error.Reason}";
        }
        catch (CudaDriverException error)
        {
            return error.Message;
        }
    }

    /// <summary>Runs the conversions and the sign election on every path and compares the bytes.</summary>
    private static bool PathsAgree()
    {
        const int Length = 1021;
        var random = new Random(1);
        float[] values = [.. Enumerable.Range(0, 5 * Length).Select(_ => (float)((random.NextDouble() - 0.5) * 1e-2))];
        uint threshold = BitConverter.SingleToUInt32Bits(1e-3f);
        BlockTerm[] terms = [.. Enumerable.Range(0, 4).Select(i => new BlockTerm(0.5f + i, 1f, threshold))];
        byte[]? first = null;
        foreach (CpuPath path in Enum.GetValues<CpuPath>())
        {
            var kernels = new CpuKernels(path);
            float[] merged = new float[Length];
            byte[] bytes = new byte[2 * Length];
            kernels.ElectAndMerge(
                values.AsSpan(0, Length),
                new Rows(values.AsSpan(Length), 4, Length, Length),
                terms,
                new Consensus(true, 0.9f, ZeroSum.NoMajority),
                merged);
            kernels.Narrow(merged, DType.BFloat16, bytes);
            first ??= bytes;
            if (!first.AsSpan().SequenceEqual(bytes))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The best of a few copies of 256 MiB on one thread; read and write counted.</summary>
    private static double CopyBytesPerSecond()
    {
        byte[] source = GC.AllocateUninitializedArray<byte>(256 << 20);
        byte[] destination = GC.AllocateUninitializedArray<byte>(source.Length);
        source.AsSpan().Fill(1);
        double best = 0;
        for (int round = 0; round < 4; round++)
        {
            long begin = Stopwatch.GetTimestamp();
            source.CopyTo(destination, 0);
            best = Math.Max(best, 2.0 * source.Length / Stopwatch.GetElapsedTime(begin).TotalSeconds);
        }

        return best;
    }
}
