using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    private const int WordsPerCounter = 4;

    // The authors call ten rounds a margin of safety; seven are the least that pass all of BigCrush.
    private const int Rounds = 7;

    /// <summary>
    /// Random words of a stream: Philox 4x32-7 (Salmon et al., SC 2011), a function of seed, stream and place.
    /// </summary>
    /// <remarks>
    /// Key: the lower and upper 32 bits of the seed. Counter: the lower and upper 32 bits of i / 4 for the word at place
    /// i, then those of the stream. Place i has word i % 4 of its counter's result.
    /// </remarks>
    /// <param name="seed">The key.</param>
    /// <param name="stream">One of 2^64 independent streams, for example one per tensor and expert.</param>
    /// <param name="first">The place of the first word: 0 or a positive multiple of 4.</param>
    /// <param name="destination">Receives the words; any number.</param>
    /// <exception cref="ArgumentException"><paramref name="first"/> is negative or no multiple of 4.</exception>
    public void PhiloxWords(ulong seed, ulong stream, long first, Span<uint> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        if (first % WordsPerCounter != 0)
        {
            throw new ArgumentException($"{first} is no multiple of {WordsPerCounter}.", nameof(first));
        }

        ref uint origin = ref MemoryMarshal.GetReference(destination);
        Fill(seed, stream, (ulong)first / WordsPerCounter, default, ref origin, destination.Length);
    }

    /// <summary>The same as 16-bit numbers, one per element: the lower half of each word, then its upper half.</summary>
    /// <param name="seed">The key.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="firstElement">The element of the first number: 0 or a positive multiple of 8.</param>
    /// <param name="destination">Receives the numbers; any number.</param>
    /// <exception cref="ArgumentException"><paramref name="firstElement"/> is negative or no multiple of 8.</exception>
    public void PhiloxNumbers(ulong seed, ulong stream, long firstElement, Span<ushort> destination) =>
        PhiloxNumbers(seed, stream, firstElement, default, destination);

    /// <summary>The same; meanwhile it has 16-bit values of the same elements fetched, where it makes many at once.</summary>
    internal void PhiloxNumbers(
        ulong seed, ulong stream, long firstElement, ValuesAhead ahead, Span<ushort> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstElement);
        if (firstElement % (2 * WordsPerCounter) != 0)
        {
            throw new ArgumentException(
                $"{firstElement} is no multiple of {2 * WordsPerCounter}.", nameof(firstElement));
        }

        // Blocks are short: a span that is passed on through the stack would keep each from beginning before the last ends.
        ulong block = (ulong)firstElement / (2 * WordsPerCounter);
        ref uint origin = ref Unsafe.As<ushort, uint>(ref MemoryMarshal.GetReference(destination));
        int words = destination.Length / 2;
        Fill(seed, stream, block, ahead, ref origin, words);
        if (destination.Length % 2 != 0)
        {
            uint last = 0;
            FillRest(seed, stream, block, words, ref last, 1);
            destination[^1] = (ushort)last;
        }
    }

    private void Fill(ulong seed, ulong stream, ulong block, ValuesAhead ahead, ref uint origin, int length)
    {
        // Counters that are made together share their second word.
        ulong room = ((1ul << 32) - (uint)block) * WordsPerCounter;
        int upTo = (int)Math.Min((ulong)length, room);
        FillShared(seed, stream, block, ahead, ref origin, upTo);
        if (upTo < length)
        {
            FillShared(
                seed, stream, block + (room / WordsPerCounter), default, ref Unsafe.Add(ref origin, upTo), length - upTo);
        }
    }

    // Scratch need not be zero: every key is written.
    [SkipLocalsInit]
    private void FillShared(
        ulong seed, ulong stream, ulong block, ValuesAhead ahead, ref uint origin, int length)
    {
        var start = new PhiloxStart(stackalloc ulong[2 * Rounds], seed, stream, block);
        int done = Path switch
        {
            CpuPath.Vector512 => PhiloxBySix<CounterLanes512, Vector512<ulong>>(start, ahead, ref origin, length),
            CpuPath.Vector256 => Philox<CounterLanes256, Vector256<ulong>>(start, 0, ref origin, length),
            CpuPath.Vector128 => Philox<CounterLanes128, Vector128<ulong>>(start, 0, ref origin, length),
            _ => 0,
        };
        if (done < length)
        {
            done = Philox<CounterLanes1, ulong>(start, done, ref origin, length);
            FillRest(seed, stream, block, done, ref Unsafe.Add(ref origin, done), length - done);
        }
    }

    // The words of one or two counters, as far as they are wanted.
    private static void FillRest(ulong seed, ulong stream, ulong block, int done, ref uint place, int length)
    {
        Span<uint> last = stackalloc uint[2 * WordsPerCounter];
        var start = new PhiloxStart(
            stackalloc ulong[2 * Rounds], seed, stream, block + (ulong)(done / WordsPerCounter));
        Philox<CounterLanes1, ulong>(start, 0, ref MemoryMarshal.GetReference(last), last.Length);
        last.Slice(done % WordsPerCounter, length).CopyTo(MemoryMarshal.CreateSpan(ref place, length));
    }

    // As Philox, six states at a time, which is what 32 registers hold. A round waits for the one before, and the more
    // states there are, the busier are the multipliers: by two, four and six of them, ten rounds took 27, 22 and 18 cycles
    // for 32 words in a trial on AMD Zen 5 at 4.05 GHz.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int PhiloxBySix<TLanes, TWords>(
        in PhiloxStart start, ValuesAhead ahead, ref uint origin, int length)
        where TLanes : struct, ICounterLanes<TWords>
    {
        PhiloxConstants<TWords> constants = Constants<TLanes, TWords>(start);
        ref ulong keys = ref MemoryMarshal.GetReference(start.Keys);
        ulong counters = (ulong)TLanes.Count;
        int words = TLanes.Count * WordsPerCounter;
        int index = 0;
        for (; index + (6 * words) <= length; index += 6 * words)
        {
            ahead.Fetch(index * sizeof(uint), 6 * words * sizeof(uint));
            TWords block = TLanes.Consecutive(start.Block + ((uint)index / WordsPerCounter));
            PhiloxState<TWords> a = Begin<TLanes, TWords>(block, 0, constants);
            PhiloxState<TWords> b = Begin<TLanes, TWords>(block, counters, constants);
            PhiloxState<TWords> c = Begin<TLanes, TWords>(block, 2 * counters, constants);
            PhiloxState<TWords> d = Begin<TLanes, TWords>(block, 3 * counters, constants);
            PhiloxState<TWords> e = Begin<TLanes, TWords>(block, 4 * counters, constants);
            PhiloxState<TWords> f = Begin<TLanes, TWords>(block, 5 * counters, constants);
            for (nuint key = 4; key < 2 * Rounds; key += 2)
            {
                TWords key0 = TLanes.Broadcast(Unsafe.Add(ref keys, key));
                TWords key1 = TLanes.Broadcast(Unsafe.Add(ref keys, key + 1));
                a = Round<TLanes, TWords>(a, key0, key1);
                b = Round<TLanes, TWords>(b, key0, key1);
                c = Round<TLanes, TWords>(c, key0, key1);
                d = Round<TLanes, TWords>(d, key0, key1);
                e = Round<TLanes, TWords>(e, key0, key1);
                f = Round<TLanes, TWords>(f, key0, key1);
            }

            ref uint place = ref Unsafe.Add(ref origin, index);
            Store<TLanes, TWords>(a, ref place, 0);
            Store<TLanes, TWords>(b, ref place, words);
            Store<TLanes, TWords>(c, ref place, 2 * words);
            Store<TLanes, TWords>(d, ref place, 3 * words);
            Store<TLanes, TWords>(e, ref place, 4 * words);
            Store<TLanes, TWords>(f, ref place, 5 * words);
        }

        return index < length ? Philox<TLanes, TWords>(start, index, ref origin, length) : index;
    }

    // Goes on from an index, by pairs of vectors of counters, and returns the index that it got to.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Philox<TLanes, TWords>(in PhiloxStart start, int index, ref uint origin, int length)
        where TLanes : struct, ICounterLanes<TWords>
    {
        PhiloxConstants<TWords> constants = Constants<TLanes, TWords>(start);
        ref ulong keys = ref MemoryMarshal.GetReference(start.Keys);
        int words = TLanes.Count * WordsPerCounter;
        for (; index + (2 * words) <= length; index += 2 * words)
        {
            TWords block = TLanes.Consecutive(start.Block + ((uint)index / WordsPerCounter));
            PhiloxState<TWords> a = Begin<TLanes, TWords>(block, 0, constants);
            PhiloxState<TWords> b = Begin<TLanes, TWords>(block, (ulong)TLanes.Count, constants);
            for (nuint key = 4; key < 2 * Rounds; key += 2)
            {
                TWords key0 = TLanes.Broadcast(Unsafe.Add(ref keys, key));
                TWords key1 = TLanes.Broadcast(Unsafe.Add(ref keys, key + 1));
                a = Round<TLanes, TWords>(a, key0, key1);
                b = Round<TLanes, TWords>(b, key0, key1);
            }

            ref uint place = ref Unsafe.Add(ref origin, index);
            Store<TLanes, TWords>(a, ref place, 0);
            Store<TLanes, TWords>(b, ref place, words);
        }

        return index;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static PhiloxConstants<TWords> Constants<TLanes, TWords>(in PhiloxStart start)
        where TLanes : struct, ICounterLanes<TWords> => new(
        TLanes.Broadcast(start.First2), TLanes.Broadcast(start.Second0), TLanes.Broadcast(start.Second2),
        TLanes.Broadcast(start.Second3));

    // The first two rounds. Of the words that enter the first one, only the first differs from counter to counter.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static PhiloxState<TWords> Begin<TLanes, TWords>(
        TWords block, ulong counters, PhiloxConstants<TWords> constants)
        where TLanes : struct, ICounterLanes<TWords>
    {
        TWords product0 = TLanes.Multiply(
            TLanes.Add(block, TLanes.Broadcast(counters)), TLanes.Broadcast(PhiloxStart.Multiplier0));
        TWords word2 = TLanes.Xor(TLanes.UpperHalf(product0), constants.First2);
        TWords product2 = TLanes.Multiply(word2, TLanes.Broadcast(PhiloxStart.Multiplier2));
        return new PhiloxState<TWords>(
            TLanes.Xor(TLanes.UpperHalf(product2), constants.Second0),
            product2,
            TLanes.Xor(product0, constants.Second2),
            constants.Second3);
    }

    // (high2 ^ c1 ^ k0, low2, high0 ^ c3 ^ k1, low0), where 0 and 2 are the products of c0 and c2 with the multipliers.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static PhiloxState<TWords> Round<TLanes, TWords>(PhiloxState<TWords> state, TWords key0, TWords key1)
        where TLanes : struct, ICounterLanes<TWords>
    {
        TWords product0 = TLanes.Multiply(state.Word0, TLanes.Broadcast(PhiloxStart.Multiplier0));
        TWords product2 = TLanes.Multiply(state.Word2, TLanes.Broadcast(PhiloxStart.Multiplier2));
        return new PhiloxState<TWords>(
            TLanes.Xor(TLanes.UpperHalf(product2), state.Word1, key0),
            product2,
            TLanes.Xor(TLanes.UpperHalf(product0), state.Word3, key1),
            product0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TLanes, TWords>(PhiloxState<TWords> state, ref uint place, int index)
        where TLanes : struct, ICounterLanes<TWords> =>
        TLanes.Store(state.Word0, state.Word1, state.Word2, state.Word3, ref place, (nuint)index);

    /// <summary>The words of several counters, in the lower halves of 64-bit lanes.</summary>
    private readonly record struct PhiloxState<TWords>(TWords Word0, TWords Word1, TWords Word2, TWords Word3);

    /// <summary>What <see cref="PhiloxStart"/> has, for several counters.</summary>
    private readonly record struct PhiloxConstants<TWords>(TWords First2, TWords Second0, TWords Second2, TWords Second3);

    /// <summary>What counters of one seed, stream and second word have in common.</summary>
    private readonly ref struct PhiloxStart
    {
        public const ulong Multiplier0 = 0xD251_1F53;
        public const ulong Multiplier2 = 0xCD9E_8D57;

        public PhiloxStart(Span<ulong> keys, ulong seed, ulong stream, ulong block)
        {
            uint key0 = (uint)seed;
            uint key1 = (uint)(seed >> 32);
            for (int key = 0; key < 2 * Rounds; key += 2)
            {
                keys[key] = key0;
                keys[key + 1] = key1;
                key0 = unchecked(key0 + 0x9E37_79B9);
                key1 = unchecked(key1 + 0xBB67_AE85);
            }

            // Word 0 and 1 after the first round, and the product of the former.
            ulong firstProduct2 = (uint)stream * Multiplier2;
            uint word0 = (uint)(firstProduct2 >> 32) ^ (uint)(block >> 32) ^ (uint)keys[0];
            ulong product0 = word0 * Multiplier0;
            Block = (uint)block;
            Keys = keys;
            First2 = (uint)(stream >> 32) ^ keys[1];
            Second0 = (uint)firstProduct2 ^ keys[2];
            Second2 = (product0 >> 32) ^ keys[3];
            Second3 = product0;
        }

        /// <summary>The first counter's first word.</summary>
        public readonly uint Block { get; }

        /// <summary>Two for each round.</summary>
        public readonly Span<ulong> Keys { get; }

        /// <summary>What the first round's word 2 is xored with, besides the upper half of product 0.</summary>
        public readonly ulong First2 { get; }

        /// <summary>What the second round's word 0 is xored with, besides the upper half of product 2.</summary>
        public readonly ulong Second0 { get; }

        /// <summary>What the second round's word 2 is xored with, besides the first round's word 3.</summary>
        public readonly ulong Second2 { get; }

        /// <summary>The second round's word 3.</summary>
        public readonly ulong Second3 { get; }
    }
}
