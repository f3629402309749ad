using BenchmarkDotNet.Attributes;
using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Benchmarks.Kernels;

/// <summary>
/// Each CPU kernel on one block of 1024 elements in the first-level cache, three experts where it takes experts. The
/// ratio is to a copy of one float32 block (4 KiB); <see cref="TiesBlock"/> compares with <see cref="TiesBlockCopy"/>.
/// </summary>
[MemoryDiagnoser]
public class KernelBenchmarks
{
    private const int Length = 1024;
    private const int Experts = 3;
    private const int StoredBytes = 2 * Length;

    private static readonly Consensus Mean = new(Normalize: true, Lambda: 1f, ZeroSum.Positive);
    private static readonly Consensus Sum = Mean with { Normalize = false };

    private readonly byte[] _storedBase = new byte[StoredBytes];
    private readonly byte[] _storedExperts = new byte[Experts * StoredBytes];
    private readonly byte[] _stored = new byte[sizeof(double) * Length];
    private readonly float[] _base = new float[Length];
    private readonly float[] _experts = new float[Experts * Length];
    private readonly float[] _result = new float[Length];
    private readonly float[] _weights = [0.5f, 0.25f, 0.25f];
    private readonly BlockTerm[] _terms = new BlockTerm[Experts];
    private readonly ushort[] _numbers = new ushort[Length];
    private readonly uint[] _candidates = new uint[Length];
    private readonly int[] _bins = new int[2048];
    private CpuKernels _kernels = new();
    private uint _low;
    private uint _high;

    public static IEnumerable<CpuPath> Paths => Enum.GetValues<CpuPath>();

    [ParamsSource(nameof(Paths))]
    public CpuPath Path { get; set; }

    private ReadOnlySpan<float> Expert => _experts.AsSpan(0, Length);

    private Rows Rows => new(_experts, Experts, Length, Length);

    /// <summary>
    /// Experts that differ from the base by little, and thresholds that trim 70 % and leave 1.2 % undecided.
    /// </summary>
    [GlobalSetup]
    public void Setup()
    {
        _kernels = new CpuKernels(Path);
        var random = new Random(1);
        for (int i = 0; i < Length; i++)
        {
            _base[i] = (float)(random.NextDouble() - 0.5);
            for (int expert = 0; expert < Experts; expert++)
            {
                _experts[(expert * Length) + i] = _base[i] + (float)((random.NextDouble() - 0.5) * 0.01);
            }
        }

        _kernels.Narrow(_base, DType.BFloat16, _storedBase);
        _kernels.Narrow(_experts, DType.BFloat16, _storedExperts);
        _kernels.PhiloxNumbers(1, 2, 0, _numbers);

        float[] deltas = new float[Length];
        _kernels.TaskVector(_base, Expert, 0, deltas);
        uint[] sorted = [.. deltas.Select(delta => BitConverter.SingleToUInt32Bits(MathF.Abs(delta))).Order()];
        (_low, _high) = (sorted[Length * 7 / 10], sorted[(Length * 7 / 10) + 12]);
        Array.Fill(_terms, new BlockTerm(Weight: 1f, Scale: 1f, MinimumBits: _low));
    }

    [Benchmark(Baseline = true)]
    public void Copy() => _base.AsSpan().CopyTo(_result);

    [Benchmark]
    public void WidenBFloat16() => _kernels.Widen(_storedBase, DType.BFloat16, _result);

    [Benchmark]
    public void WidenFloat16() => _kernels.Widen(_storedBase, DType.Float16, _result);

    [Benchmark]
    public int NarrowBFloat16() => _kernels.Narrow(_base, DType.BFloat16, _stored.AsSpan(0, StoredBytes));

    [Benchmark]
    public int NarrowFloat16() => _kernels.Narrow(_base, DType.Float16, _stored.AsSpan(0, StoredBytes));

    [Benchmark]
    public int NarrowFloat32() => _kernels.Narrow(_base, DType.Float32, _stored.AsSpan(0, sizeof(float) * Length));

    [Benchmark]
    public int NarrowFloat64() => _kernels.Narrow(_base, DType.Float64, _stored);

    [Benchmark]
    public void LinearCombination() => _kernels.LinearCombination(Rows, _weights, _result);

    [Benchmark]
    public void TaskVector() => _kernels.TaskVector(_base, Expert, _low, _result);

    [Benchmark]
    public void DroppedTaskVector() => _kernels.DroppedTaskVector(_base, Expert, _numbers, 0x8000, 2f, _result);

    [Benchmark]
    public void AddTaskVectors() => _kernels.AddTaskVectors(_base, Rows, _terms, Sum, _result);

    [Benchmark]
    public void ElectAndMergeSum() => _kernels.ElectAndMerge(_base, Rows, _terms, Sum, _result);

    [Benchmark]
    public void ElectAndMergeMean() => _kernels.ElectAndMerge(_base, Rows, _terms, Mean, _result);

    [Benchmark]
    public void ElectAndMergeReady() => _kernels.ElectAndMergeReady(_base, Rows, _weights, Mean, _result);

    [Benchmark]
    public void MagnitudeHistogram() => _kernels.MagnitudeHistogram(_base, Expert, 0, 20, _bins);

    [Benchmark]
    public (int Above, int Collected) CountAndCollect() =>
        _kernels.CountAndCollect(_base, Expert, _low, _high, _candidates);

    [Benchmark]
    public int CountEqual() => _kernels.CountEqual(_base, Expert, _low);

    [Benchmark]
    public DotProducts Dot() => _kernels.Dot(_base, Expert);

    [Benchmark]
    public double AbsoluteSum() => _kernels.AbsoluteSum(_base);

    [Benchmark]
    public void PhiloxNumbers() => _kernels.PhiloxNumbers(1, 2, 4096, _numbers);

    /// <summary>A block of the commonest recipe, all of it: bf16 in, TIES of three experts, bf16 out.</summary>
    [Benchmark]
    public int TiesBlock()
    {
        _kernels.Widen(_storedBase, DType.BFloat16, _base);
        _kernels.Widen(_storedExperts, DType.BFloat16, _experts);
        _kernels.ElectAndMerge(_base, Rows, _terms, Mean, _result);
        return _kernels.Narrow(_result, DType.BFloat16, _stored.AsSpan(0, StoredBytes));
    }

    /// <summary>Copies as many bytes as <see cref="TiesBlock"/> reads.</summary>
    [Benchmark]
    public void TiesBlockCopy()
    {
        _storedBase.CopyTo(_stored.AsSpan());
        _storedExperts.CopyTo(_stored.AsSpan());
    }
}
