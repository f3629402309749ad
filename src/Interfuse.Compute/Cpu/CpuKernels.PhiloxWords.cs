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
        done += Philox<CounterLanes1, ulong>(
            seed, stream, block + (ulong)(done / WordsPerCounter), destination[done..]);
        if (done < destination.Length)
        {
            Span<uint> last = stackalloc uint[WordsPerCounter];
            Philox<CounterLanes1, ulong>(seed, stream, block + (ulong)(done / WordsPerCounter), last);
            last[..(destination.Length - done)].CopyTo(destination[done..]);
        }
    }

    // Fills whole vectors of counters and returns the number of words that it wrote.
    private static int Philox<TLanes, TWords>(ulong seed, ulong stream, ulong block, Span<uint> destination)
        where TLanes : struct, ICounterLanes<TWords>
    {
        TWords word2 = TLanes.Broadcast(stream);
        TWords word3 = TLanes.Broadcast(stream >> 32);
        nuint words = (nuint)(TLanes.Count * WordsPerCounter);
        nuint index = 0;
        for (; index + words <= (nuint)destination.Length; index += words)
        {
            TWords first = TLanes.Consecutive(block + (index / WordsPerCounter));
            var state = new PhiloxState<TWords>(first, TLanes.UpperHalf(first), word2, word3);
            uint key0 = (uint)seed;
            uint key1 = (uint)(seed >> 32);

            // Ten rounds without a loop: its end, mispredicted, would keep the next vector from starting early.
            TwoRounds<TLanes, TWords>(ref state, ref key0, ref key1);
            TwoRounds<TLanes, TWords>(ref state, ref key0, ref key1);
            TwoRounds<TLanes, TWords>(ref state, ref key0, ref key1);
            TwoRounds<TLanes, TWords>(ref state, ref key0, ref key1);
            TwoRounds<TLanes, TWords>(ref state, ref key0, ref key1);
            TLanes.Store(
                state.Word0, state.Word1, state.Word2, state.Word3, ref MemoryMarshal.GetReference(destination), index);
        }

        return (int)index;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TwoRounds<TLanes, TWords>(ref PhiloxState<TWords> state, ref uint key0, ref uint key1)
        where TLanes : struct, ICounterLanes<TWords>
    {
        state = Round<TLanes, TWords>(state, key0, key1);
        state = Round<TLanes, TWords>(state, key0 + 0x9E37_79B9, key1 + 0xBB67_AE85);
        key0 += unchecked(2 * 0x9E37_79B9);
        key1 += unchecked(2 * 0xBB67_AE85);
    }

    // (high2 ^ c1 ^ k0, low2, high0 ^ c3 ^ k1, low0), where 0 and 2 are the products of c0 and c2 with the multipliers.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static PhiloxState<TWords> Round<TLanes, TWords>(PhiloxState<TWords> state, uint key0, uint key1)
        where TLanes : struct, ICounterLanes<TWords>
    {
        TWords product0 = TLanes.Multiply(state.Word0, TLanes.Broadcast(0xD251_1F53));
        TWords product2 = TLanes.Multiply(state.Word2, TLanes.Broadcast(0xCD9E_8D57));
        return new PhiloxState<TWords>(
            TLanes.Xor(TLanes.UpperHalf(product2), state.Word1, TLanes.Broadcast(key0)),
            product2,
            TLanes.Xor(TLanes.UpperHalf(product0), state.Word3, TLanes.Broadcast(key1)),
            product0);
    }

    /// <summary>The words of several counters, in the lower halves of 64-bit lanes.</summary>
    private readonly record struct PhiloxState<TWords>(TWords Word0, TWords Word1, TWords Word2, TWords Word3);
}
