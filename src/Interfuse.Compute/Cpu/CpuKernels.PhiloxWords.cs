using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    private const int WordsPerCounter = 4;

    /// <summary>Random words of a stream: Philox 4x32-10 (Salmon et al., SC 2011), a function of seed, stream and element.</summary>
    /// <remarks>
    /// Key: the lower and upper 32 bits of the seed. Counter: the lower and upper 32 bits of element / 4, then those of the
    /// stream. Element i gets word i % 4 of its counter's result.
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
        done += Philox<CounterLanes1, UInt128>(
            seed, stream, block + (ulong)(done / WordsPerCounter), destination[done..]);
        if (done < destination.Length)
        {
            Span<uint> last = stackalloc uint[WordsPerCounter];
            Philox<CounterLanes1, UInt128>(seed, stream, block + (ulong)(done / WordsPerCounter), last);
            last[..(destination.Length - done)].CopyTo(destination[done..]);
        }
    }

    // Fills whole vectors and returns the number of words that it wrote.
    private static int Philox<TLanes, TCounters>(ulong seed, ulong stream, ulong block, Span<uint> destination)
        where TLanes : struct, ICounterLanes<TCounters>
    {
        const int Rounds = 10;
        TCounters firstKey = TLanes.Broadcast((uint)seed, seed >> 32);
        TCounters keyStep = TLanes.Broadcast(0x9E37_79B9, 0xBB67_AE85);
        TCounters multipliers = TLanes.Broadcast(0xD251_1F53, 0xCD9E_8D57);
        int whole = destination.Length - (destination.Length % TLanes.Words);
        for (int index = 0; index < whole; index += TLanes.Words)
        {
            ulong counter = block + (ulong)(index / WordsPerCounter);
            TCounters words = TLanes.AddLane(TLanes.Broadcast(counter, stream));
            TCounters key = firstKey;
            for (int round = 0; round < Rounds; round++)
            {
                // Of the counter (c0, c1, c2, c3), the products of c0 and c2 give (low0, high0, low2, high2). The next one is
                // (high2 ^ c1 ^ k0, low2, high0 ^ c3 ^ k1, low0): the products in reverse, and what is left of the counter.
                TCounters products = TLanes.MultiplyLower(words, multipliers);
                words = TLanes.Xor(TLanes.Xor(TLanes.Reverse(products), TLanes.UpperToLower(words)), key);
                key = TLanes.AddWords(key, keyStep);
            }

            TLanes.Store(words, ref MemoryMarshal.GetReference(destination), (nuint)index);
        }

        return whole;
    }
}
