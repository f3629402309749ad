using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    private const int WordsPerCounter = 4;
    private const int Rounds = 10;

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

        Span<ulong> keys = stackalloc ulong[2 * Rounds];
        for (int round = 0; round < Rounds; round++)
        {
            keys[2 * round] = unchecked((uint)seed + ((uint)round * 0x9E37_79B9));
            keys[(2 * round) + 1] = unchecked((uint)(seed >> 32) + ((uint)round * 0xBB67_AE85));
        }

        ulong block = (ulong)firstElement / WordsPerCounter;
        int done = Path switch
        {
            CpuPath.Vector512 => Philox<CounterLanes512, Vector512<ulong>>(keys, stream, block, destination),
            CpuPath.Vector256 => Philox<CounterLanes256, Vector256<ulong>>(keys, stream, block, destination),
            CpuPath.Vector128 => Philox<CounterLanes128, Vector128<ulong>>(keys, stream, block, destination),
            _ => 0,
        };
        done += Philox<CounterLanes1, ulong>(
            keys, stream, block + (ulong)(done / WordsPerCounter), destination[done..]);
        if (done < destination.Length)
        {
            Span<uint> last = stackalloc uint[2 * WordsPerCounter];
            Philox<CounterLanes1, ulong>(keys, stream, block + (ulong)(done / WordsPerCounter), last);
            last[..(destination.Length - done)].CopyTo(destination[done..]);
        }
    }

    // Fills whole pairs of vectors of counters and returns the number of words that it wrote. A round waits for the one
    // before: two states at once keep the multipliers busy.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Philox<TLanes, TWords>(
        ReadOnlySpan<ulong> keys, ulong stream, ulong block, Span<uint> destination)
        where TLanes : struct, ICounterLanes<TWords>
    {
        TWords word2 = TLanes.Broadcast(stream);
        TWords word3 = TLanes.Broadcast(stream >> 32);
        nuint counters = (nuint)TLanes.Count;
        nuint words = counters * WordsPerCounter;
        nuint index = 0;
        ref uint origin = ref MemoryMarshal.GetReference(destination);
        for (; index + (2 * words) <= (nuint)destination.Length; index += 2 * words)
        {
            TWords first = TLanes.Consecutive(block + (index / WordsPerCounter));
            TWords second = TLanes.Consecutive(block + (index / WordsPerCounter) + counters);
            var a = new PhiloxState<TWords>(first, TLanes.UpperHalf(first), word2, word3);
            var b = new PhiloxState<TWords>(second, TLanes.UpperHalf(second), word2, word3);

            // Ten rounds without a loop, whose end would be mispredicted.
            TwoRounds<TLanes, TWords>(ref a, ref b, in keys[0]);
            TwoRounds<TLanes, TWords>(ref a, ref b, in keys[4]);
            TwoRounds<TLanes, TWords>(ref a, ref b, in keys[8]);
            TwoRounds<TLanes, TWords>(ref a, ref b, in keys[12]);
            TwoRounds<TLanes, TWords>(ref a, ref b, in keys[16]);
            TLanes.Store(a.Word0, a.Word1, a.Word2, a.Word3, ref origin, index);
            TLanes.Store(b.Word0, b.Word1, b.Word2, b.Word3, ref origin, index + words);
        }

        return (int)index;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TwoRounds<TLanes, TWords>(
        ref PhiloxState<TWords> a, ref PhiloxState<TWords> b, ref readonly ulong keys)
        where TLanes : struct, ICounterLanes<TWords>
    {
        TWords key0 = TLanes.Broadcast(keys);
        TWords key1 = TLanes.Broadcast(Unsafe.Add(ref Unsafe.AsRef(in keys), 1));
        a = Round<TLanes, TWords>(a, key0, key1);
        b = Round<TLanes, TWords>(b, key0, key1);
        key0 = TLanes.Broadcast(Unsafe.Add(ref Unsafe.AsRef(in keys), 2));
        key1 = TLanes.Broadcast(Unsafe.Add(ref Unsafe.AsRef(in keys), 3));
        a = Round<TLanes, TWords>(a, key0, key1);
        b = Round<TLanes, TWords>(b, key0, key1);
    }

    // (high2 ^ c1 ^ k0, low2, high0 ^ c3 ^ k1, low0), where 0 and 2 are the products of c0 and c2 with the multipliers.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static PhiloxState<TWords> Round<TLanes, TWords>(PhiloxState<TWords> state, TWords key0, TWords key1)
        where TLanes : struct, ICounterLanes<TWords>
    {
        TWords product0 = TLanes.Multiply(state.Word0, TLanes.Broadcast(0xD251_1F53));
        TWords product2 = TLanes.Multiply(state.Word2, TLanes.Broadcast(0xCD9E_8D57));
        return new PhiloxState<TWords>(
            TLanes.Xor(TLanes.UpperHalf(product2), state.Word1, key0),
            product2,
            TLanes.Xor(TLanes.UpperHalf(product0), state.Word3, key1),
            product0);
    }

    /// <summary>The words of several counters, in the lower halves of 64-bit lanes.</summary>
    private readonly record struct PhiloxState<TWords>(TWords Word0, TWords Word1, TWords Word2, TWords Word3);
}
