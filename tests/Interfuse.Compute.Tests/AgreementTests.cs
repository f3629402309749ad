using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests;

public class AgreementTests
{
    [Test]
    public void All_paths_store_the_same_bytes(
        [Values(DType.BFloat16, DType.Float16, DType.Float32, DType.Float64)] DType dtype,
        [Values(61, 1024)] int length)
    {
        byte[][] results = [.. EveryPathAttribute.Paths.Select(path => Merge(new CpuKernels(path), dtype, length))];
        Assert.That(results, Is.All.EqualTo(results[0]));
    }

    // What the executor does with a block: widen, drop at random, elect and merge, narrow.
    private static byte[] Merge(CpuKernels kernels, DType dtype, int length)
    {
        const int Experts = 3;
        float[] baseValues = Widened(kernels, dtype, length, 0);
        float[] deltas = new float[Experts * length];
        ushort[] numbers = new ushort[length];
        for (int expert = 0; expert < Experts; expert++)
        {
            kernels.PhiloxNumbers(42, (ulong)expert, 1 << 20, numbers);
            kernels.DroppedTaskVector(
                baseValues,
                Widened(kernels, dtype, length, expert + 1),
                numbers,
                0x8000,
                2f,
                deltas.AsSpan(expert * length, length));
        }

        float[] merged = new float[length];
        var rows = new Rows(deltas, Experts, length, length);
        var consensus = new Consensus(Normalize: true, Lambda: 0.9f, ZeroSum.Positive);
        kernels.ElectAndMergeReady(baseValues, rows, [0.3f, 0.3f, 0.4f], consensus, merged);
        byte[] stored = new byte[length * dtype.Size()];
        kernels.Narrow(merged, dtype, stored);
        return stored;
    }

    private static float[] Widened(CpuKernels kernels, DType dtype, int length, int seed)
    {
        // Any bytes are values of the type, NaNs and infinities among them.
        Span<byte> bytes = MemoryMarshal.AsBytes(Blocks.Words(2 * length, seed).AsSpan());
        float[] values = new float[length];
        kernels.Widen(bytes[..(length * dtype.Size())], dtype, values);
        return values;
    }
}
