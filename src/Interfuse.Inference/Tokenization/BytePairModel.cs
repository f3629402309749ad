using System.Buffers;
using System.Collections.Concurrent;
using System.Text;

namespace Interfuse.Inference.Tokenization;

/// <summary>The settings of a byte-pair model that are not its vocabulary or its merges.</summary>
/// <param name="UnknownId">The token for a character that has none, or null: then such a character is dropped.</param>
/// <param name="FuseUnknown">Whether neighbouring unknown characters are one token.</param>
/// <param name="ByteTokens">
/// The token of each byte, for characters that have none of their own; -1 where a byte has none. Null without fallback.
/// </param>
/// <param name="IgnoreMerges">
/// Whether a word that is a token is that token, whatever the merges would make of it.
/// </param>
internal sealed record BytePairOptions(int? UnknownId, bool FuseUnknown, int[]? ByteTokens, bool IgnoreMerges);

/// <summary>
/// Turns words into tokens by byte-pair encoding (Sennrich et al. 2016). Safe for any number of threads.
/// </summary>
internal sealed class BytePairModel(
    Vocabulary vocabulary,
    Dictionary<ulong, (int Rank, int Merged)> merges,
    BytePairOptions options)
{
    // Words recur, and short ones most of all; a bound on both keeps a hostile text from filling the memory.
    private const int CachedWords = 1 << 16;
    private const int CachedLength = 64;

    private readonly ConcurrentDictionary<string, int[]> _cache = new();
    private int _cached;

    /// <summary>The working memory of one thread that encodes.</summary>
    public BytePairMerger CreateMerger() => new(merges);

    /// <summary>Writes the tokens of a word after those that are there.</summary>
    public void Encode(ReadOnlySpan<char> word, BytePairMerger merger, List<int> tokens)
    {
        ConcurrentDictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> cache =
            _cache.GetAlternateLookup<ReadOnlySpan<char>>();
        if (word.Length <= CachedLength && cache.TryGetValue(word, out int[]? known))
        {
            tokens.AddRange(known);
            return;
        }

        int start = tokens.Count;
        if (options.IgnoreMerges && vocabulary.TryGetId(word, out int whole))
        {
            tokens.Add(whole);
        }
        else
        {
            merger.Clear();
            AddSymbols(word, merger);
            merger.MergeInto(tokens);
        }

        if (word.Length <= CachedLength && Volatile.Read(ref _cached) < CachedWords
            && cache.TryAdd(word, [.. tokens[start..]]))
        {
            Interlocked.Increment(ref _cached);
        }
    }

    private void AddSymbols(ReadOnlySpan<char> word, BytePairMerger merger)
    {
        bool afterUnknown = false;
        while (!word.IsEmpty)
        {
            OperationStatus status = Rune.DecodeFromUtf16(word, out Rune character, out int length);
            if (status == OperationStatus.Done && vocabulary.TryGetId(word[..length], out int id))
            {
                merger.Add(id);
                afterUnknown = false;
            }
            else if (TryAddBytes(character, merger))
            {
                afterUnknown = false;
            }
            else if (options.UnknownId is int unknown)
            {
                if (!afterUnknown || !options.FuseUnknown)
                {
                    merger.Add(unknown);
                }

                afterUnknown = true;
            }

            word = word[length..];
        }
    }

    private bool TryAddBytes(Rune character, BytePairMerger merger)
    {
        if (options.ByteTokens is not int[] byteTokens)
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[4];
        bytes = bytes[..character.EncodeToUtf8(bytes)];
        foreach (byte value in bytes)
        {
            if (byteTokens[value] < 0)
            {
                return false;
            }
        }

        foreach (byte value in bytes)
        {
            merger.Add(byteTokens[value]);
        }

        return true;
    }
}
