using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    private const int WordsPerCounter = 4;

    /// <summary>
    /// Random words of a stream: Philox 4x32-10 (Salmon et al., SC 2011), a function of seed, stream and element.
    /// </summary>
    /// <remarks>
    /// Key: the lower and upper 32 bits of the seed. Counter: the lower and upper 32 bits of element / 4, then those of
    /// the stream. Element i gets word i % 4 of its counter's result.
    /// </remarks>
    /// <param name="seed">The key.</param>
    /// <param name="stream">One of 2^64 independent streams, for example one per tensor and expert.</param>
    /// <param name="firstElement">The element of the first word: 0 or a positive multiple of 4.</param>
    /// <param name="destination">Receives one word per element; any length.</param>
    /// <exception cref="ArgumentException"><paramref name="firstElement"/> is negative or no multiple of 4.</exception>
    public void PhiloxWords(ulong seed, ulong stream, long firstElement, Span<uint> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstElement);
        if (firstElement % WordsPerCounter != 0)
        {
            throw new ArgumentException($"{firstElement} is no multiple of {WordsPerCounter}.", nameof(firstElement));
        }

        ulong block = (ulong)firstElement / WordsPerCounter;
        int done = Path switch
        {
            CpuPath.Vector512 => Philox<CounterLanes512, Vector512<ulong>>(seed, stream, block, destination),
            CpuPath.Vector256 => Philox<CounterLanes256, Vector256<ulong>>(seed, stream, block, destination),
            CpuPath.Vector128 => Philox<CounterLanes128, Vector128<ulong>>(seed, stream, block, destination),
            _ => 0,
        };
        done += Philox<CounterLanes1, Counter>(
            seed, stream, block + (ulong)(done / WordsPerCounter), destination[done..]);
        if (done < destination.Length)
        {
            Span<uint> last = stackalloc uint[WordsPerCounter];
            Philox<CounterLanes1, Counter>(seed, stream, block + (ulong)(done / WordsPerCounter), last);
            last[..(destination.Length - done)].CopyTo(destination[done..]);
        }
    }

    // Fills whole vectors and returns the number of words that it wrote.
    private static int Philox<TLanes, TCounters>(ulong seed, ulong stream, ulong block, Span<uint> destination)
        where TLanes : struct, ICounterLanes<TCounters>
    {
        TCounters multipliers = TLanes.Broadcast(0xD251_1F53, 0xCD9E_8D57);
        TCounters keyStep = TLanes.Broadcast(0x9E37_79B9, 0xBB67_AE85);
        TCounters firstKey = TLanes.Broadcast((uint)seed, seed >> 32);
        nuint words = (nuint)TLanes.Words;
        nuint index = 0;
        for (; index + words <= (nuint)destination.Length; index += words)
        {
            TCounters counters = TLanes.AddLane(TLanes.Broadcast(block + (index / WordsPerCounter), stream));
            TCounters key = firstKey;

            // Ten rounds without a loop: its end, mispredicted, would keep the next vector from starting early.
            TwoRounds<TLanes, TCounters>(ref counters, ref key, multipliers, keyStep);
            TwoRounds<TLanes, TCounters>(ref counters, ref key, multipliers, keyStep);
            TwoRounds<TLanes, TCounters>(ref counters, ref key, multipliers, keyStep);
            TwoRounds<TLanes, TCounters>(ref counters, ref key, multipliers, keyStep);
            TwoRounds<TLanes, TCounters>(ref counters, ref key, multipliers, keyStep);
            TLanes.Store(counters, ref MemoryMarshal.GetReference(destination), index);
        }

        return (int)index;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TwoRounds<TLanes, TCounters>(
        ref TCounters counters, ref TCounters key, TCounters multipliers, TCounters keyStep)
        where TLanes : struct, ICounterLanes<TCounters>
    {
        TCounters secondKey = TLanes.AddWords(key, keyStep);
        counters = Round<TLanes, TCounters>(counters, key, multipliers);
        counters = Round<TLanes, TCounters>(counters, secondKey, multipliers);
        key = TLanes.AddWords(secondKey, keyStep);
    }

    // Of the counter (c0, c1, c2, c3), the products of c0 and c2 give (low0, high0, low2, high2). The next counter is
    // (high2 ^ c1 ^ k0, low2, high0 ^ c3 ^ k1, low0): the products in reverse, and what is left of the counter.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TCounters Round<TLanes, TCounters>(TCounters counters, TCounters key, TCounters multipliers)
        where TLanes : struct, ICounterLanes<TCounters>
    {
        TCounters products = TLanes.MultiplyLower(counters, multipliers);
        return TLanes.Xor(TLanes.Xor(TLanes.Reverse(products), TLanes.UpperToLower(counters)), key);
    }
}
