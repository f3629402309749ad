using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Interfuse.Benchmarks.Decoding;

/// <summary>What the machine can do at most: how fast it reads memory, and how fast it multiplies in registers.</summary>
internal static class Ceilings
{
    private const long PieceBytes = 1 << 20;
    private const int FusedSteps = 1 << 22;

    /// <summary>Bytes per second at which all threads together read memory and add it up.</summary>
    public static unsafe double ReadBandwidth(SafeBuffer memory, int threads)
    {
        byte* address = null;
        memory.AcquirePointer(ref address);
        try
        {
            long next = 0;
            long bytes = (long)memory.ByteLength;
            byte* first = address;
            long begin = Stopwatch.GetTimestamp();
            Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, _ =>
            {
                ulong sum = 0;
                for (long start; (start = Interlocked.Add(ref next, PieceBytes) - PieceBytes) < bytes;)
                {
                    sum += Sum(first + start, (nuint)Math.Min(PieceBytes, bytes - start) / 256 * 256);
                }

                GC.KeepAlive(sum);
            });
            return bytes / Stopwatch.GetElapsedTime(begin).TotalSeconds;
        }
        finally
        {
            memory.ReleasePointer();
        }
    }

    /// <summary>Floating-point operations per second of fused multiplications and additions that never leave the
    /// registers; a fused one counts as two.</summary>
    public static double FusedRate(int threads)
    {
        bool wide = Vector512.IsHardwareAccelerated || Avx512F.IsSupported;
        long begin = Stopwatch.GetTimestamp();
        Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, _ =>
            GC.KeepAlive(wide ? Fuse512(FusedSteps) : Fuse256(FusedSteps)));
        double lanes = wide ? Vector512<float>.Count : Vector256<float>.Count;
        return 2.0 * 12 * lanes * FusedSteps * threads / Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe ulong Sum(byte* from, nuint length)
    {
        Vector512<ulong> a = default, b = default, c = default, d = default;
        for (nuint at = 0; at < length; at += 256)
        {
            a += Vector512.Load((ulong*)(from + at));
            b += Vector512.Load((ulong*)(from + at + 64));
            c += Vector512.Load((ulong*)(from + at + 128));
            d += Vector512.Load((ulong*)(from + at + 192));
        }

        return Vector512.Sum(a + b + c + d);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Fuse512(int steps)
    {
        Vector512<float> x = Vector512.Create(0.999f), y = Vector512.Create(0.001f);
        Vector512<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (int step = 0; step < steps; step++)
        {
            a = Vector512.FusedMultiplyAdd(a, x, y);
            b = Vector512.FusedMultiplyAdd(b, x, y);
            c = Vector512.FusedMultiplyAdd(c, x, y);
            d = Vector512.FusedMultiplyAdd(d, x, y);
            e = Vector512.FusedMultiplyAdd(e, x, y);
            f = Vector512.FusedMultiplyAdd(f, x, y);
            g = Vector512.FusedMultiplyAdd(g, x, y);
            h = Vector512.FusedMultiplyAdd(h, x, y);
            i = Vector512.FusedMultiplyAdd(i, x, y);
            j = Vector512.FusedMultiplyAdd(j, x, y);
            k = Vector512.FusedMultiplyAdd(k, x, y);
            l = Vector512.FusedMultiplyAdd(l, x, y);
        }

        return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Fuse256(int steps)
    {
        Vector256<float> x = Vector256.Create(0.999f), y = Vector256.Create(0.001f);
        Vector256<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (int step = 0; step < steps; step++)
        {
            a = Vector256.FusedMultiplyAdd(a, x, y);
            b = Vector256.FusedMultiplyAdd(b, x, y);
            c = Vector256.FusedMultiplyAdd(c, x, y);
            d = Vector256.FusedMultiplyAdd(d, x, y);
            e = Vector256.FusedMultiplyAdd(e, x, y);
            f = Vector256.FusedMultiplyAdd(f, x, y);
            g = Vector256.FusedMultiplyAdd(g, x, y);
            h = Vector256.FusedMultiplyAdd(h, x, y);
            i = Vector256.FusedMultiplyAdd(i, x, y);
            j = Vector256.FusedMultiplyAdd(j, x, y);
            k = Vector256.FusedMultiplyAdd(k, x, y);
            l = Vector256.FusedMultiplyAdd(l, x, y);
        }

        return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }
}
