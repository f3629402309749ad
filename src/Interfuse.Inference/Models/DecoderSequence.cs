using Interfuse.Compute;

namespace Interfuse.Inference.Models;

/// <summary>A text that a <see cref="Decoder"/> is in the middle of: an expert, and what it has read so far.</summary>
public sealed class DecoderSequence : IDisposable
{
    private readonly KeyValueCache _cache;
    private readonly List<int> _pages = [];

    internal DecoderSequence(Decoder decoder, KeyValueCache cache, int expert)
    {
        Decoder = decoder;
        _cache = cache;
        Expert = expert;
    }

    /// <summary>The expert that reads it.</summary>
    public int Expert { get; }

    /// <summary>The tokens read so far.</summary>
    public int Length { get; private set; }

    /// <summary>Whether it has been disposed of.</summary>
    internal bool IsDisposed { get; private set; }

    internal Decoder Decoder { get; }

    internal List<int> Pages => _pages;

    /// <summary>The pages that are missing for some more tokens.</summary>
    internal int PagesMissing(int tokens) =>
        ((Length + tokens + KeyValuePages.Length - 1) / KeyValuePages.Length) - _pages.Count;

    /// <summary>Makes room for more tokens and counts them as read.</summary>
    internal void Advance(int tokens)
    {
        for (int missing = PagesMissing(tokens); missing > 0; missing--)
        {
            _pages.Add(_cache.Take());
        }

        Length += tokens;
    }

    /// <summary>Gives its part of the cache back.</summary>
    public void Dispose()
    {
        if (!IsDisposed)
        {
            IsDisposed = true;
            _cache.Return(_pages);
            _pages.Clear();
        }
    }
}
