using Interfuse.Checkpoints;

namespace Interfuse.Compute;

/// <summary>The keys and values of one attention layer, in pages that sequences take as they grow.</summary>
/// <remarks>
/// A page holds <see cref="Length"/> consecutive positions of one sequence: first the keys [G, d, Length], of which the
/// positions are the last extent, then the values [G, Length, d]. All F32. What lies beyond a sequence's last position
/// is never looked at.
/// </remarks>
public readonly record struct KeyValuePages
{
    /// <summary>The positions of a page, which are also the stretch that attention sums at a time.</summary>
    public const int Length = 128;

    /// <summary>The most elements a head may have.</summary>
    public const int MaxHeadLength = 1024;

    /// <summary>Describes pages.</summary>
    /// <param name="values">All pages, one after the other; F32.</param>
    /// <param name="heads">G, the key-value heads, 1 or more.</param>
    /// <param name="headLength">d, the elements of a head, 1 to <see cref="MaxHeadLength"/>.</param>
    /// <exception cref="ArgumentException">The elements are not F32, or not whole pages.</exception>
    public KeyValuePages(DeviceSpan values, int heads, int headLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(heads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(headLength, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(headLength, MaxHeadLength);
        long page = ElementsPerPage(heads, headLength);
        if (values.DType != DType.Float32 || values.Length % page != 0)
        {
            throw new ArgumentException(
                $"{values.Length} elements of {values.DType.SafetensorsName()} are no whole pages of {page} of F32.",
                nameof(values));
        }

        Values = values;
        Heads = heads;
        HeadLength = headLength;
    }

    /// <summary>All pages.</summary>
    public DeviceSpan Values { get; }

    /// <summary>G, the key-value heads.</summary>
    public int Heads { get; }

    /// <summary>d, the elements of a head.</summary>
    public int HeadLength { get; }

    /// <summary>How many pages there are.</summary>
    public long Count => Values.Length / ElementsPerPage(Heads, HeadLength);

    /// <summary>The elements of a page: keys and values.</summary>
    public static long ElementsPerPage(int heads, int headLength) => 2L * heads * headLength * Length;
}

/// <summary>Where the tokens of a step stand: which sequence each continues, at which position, and in which pages.</summary>
/// <remarks>
/// The numbers lie in the device's memory, so nothing here looks at them: whoever writes them makes sure that sequences
/// and pages exist, that every position of a token lies in a page of its sequence, and that no two sequences share a
/// page. An operation on wrong ones is undefined.
/// </remarks>
public readonly record struct TokenPlaces
{
    /// <summary>Describes the tokens' places.</summary>
    /// <param name="sequences">[T], I32: the sequence of each token, 0 to S - 1.</param>
    /// <param name="positions">[T], I32: each token's position in its sequence, from 0 on.</param>
    /// <param name="pages">[S, P], I32: the pages of each sequence, in order.</param>
    /// <param name="sequenceCount">S, 1 or more.</param>
    /// <exception cref="ArgumentException">Types or lengths do not fit.</exception>
    public TokenPlaces(DeviceSpan sequences, DeviceSpan positions, DeviceSpan pages, int sequenceCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sequenceCount, 1);
        if (sequences.DType != DType.Int32 || positions.DType != DType.Int32 || pages.DType != DType.Int32)
        {
            throw new ArgumentException("Sequences, positions and pages are I32.", nameof(sequences));
        }

        if (positions.Length != sequences.Length || pages.Length % sequenceCount != 0 || pages.Length == 0)
        {
            throw new ArgumentException(
                $"There are {sequences.Length} sequences and {positions.Length} positions of tokens, and {pages.Length} "
                + $"pages of {sequenceCount} sequences; give as many positions as sequences, and as many pages to each.",
                nameof(positions));
        }

        Sequences = sequences;
        Positions = positions;
        Pages = pages;
        SequenceCount = sequenceCount;
    }

    /// <summary>[T]: the sequence of each token.</summary>
    public DeviceSpan Sequences { get; }

    /// <summary>[T]: each token's position.</summary>
    public DeviceSpan Positions { get; }

    /// <summary>[S, P]: the pages of each sequence.</summary>
    public DeviceSpan Pages { get; }

    /// <summary>S, the sequences.</summary>
    public int SequenceCount { get; }

    /// <summary>T, the tokens.</summary>
    public long Tokens => Sequences.Length;

    /// <summary>P, the pages a sequence may have.</summary>
    public long PagesPerSequence => Pages.Length / SequenceCount;
}
