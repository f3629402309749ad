using BenchmarkDotNet.Attributes;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Compute.Benchmarking;

namespace Interfuse.Benchmarks.Kernels;

/// <summary>
/// Each operation of the contract on one thread of the CPU, by path, on a million elements per tensor. The ratio is to
/// a copy that reads and writes as many bytes in all. <c>interfuse bench kernels</c> measures the same cases on any
/// device, at any size.
/// </summary>
[MemoryDiagnoser]
public class OperationBenchmarks
{
    private const long Elements = 1 << 20;

    private DeviceQueue _queue = null!;
    private KernelCase _kernel = null!;
    private DeviceBuffer _source = null!;
    private DeviceBuffer _destination = null!;

    public static IEnumerable<KernelBenchmark> Operations => Compute.Benchmarking.KernelBenchmarks.All;

    public static IEnumerable<CpuPath> Paths => Enum.GetValues<CpuPath>();

    [ParamsSource(nameof(Operations))]
    public KernelBenchmark Operation { get; set; } = null!;

    [ParamsSource(nameof(Paths))]
    public CpuPath Path { get; set; }

    private long CopiedBytes => (_kernel.BytesRead + _kernel.BytesWritten) / 2;

    [GlobalSetup]
    public void Setup()
    {
        var device = new CpuDevice(Path, threads: 1);
        _queue = device.CreateQueue();
        _kernel = Operation.Prepare(_queue, Elements);
        using var reference = new CpuDevice(CpuPath.Scalar, Environment.ProcessorCount);
        _kernel.Verify(reference);
        _source = device.Allocate(CopiedBytes);
        _destination = device.Allocate(CopiedBytes);
        _queue.Upload(new byte[CopiedBytes], _source.Span(DType.UInt8, CopiedBytes));
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _destination.Dispose();
        _source.Dispose();
        _kernel.Dispose();
        Device device = _queue.Device;
        _queue.Dispose();
        device.Dispose();
    }

    [Benchmark(Baseline = true)]
    public void Copy() =>
        _queue.Copy(_source.Span(DType.UInt8, CopiedBytes), _destination.Span(DType.UInt8, CopiedBytes));

    [Benchmark]
    public void Run() => _kernel.Run();
}
