using Interfuse.Compute;
using Interfuse.Experts;

namespace Interfuse.Inference.Models;

/// <summary>A text that a <see cref="Decoder"/> is in the middle of: who reads it, and what has been read so far.</summary>
public sealed class DecoderSequence : IDisposable
{
    private readonly KeyValueCache _cache;
    private readonly List<int> _pages = [];

    internal DecoderSequence(Decoder decoder, KeyValueCache cache, ExpertMix mix, int number)
    {
        Decoder = decoder;
        _cache = cache;
        Mix = mix;
        Number = number;
    }

    /// <summary>Who reads it: an expert, a mixture of experts, or the model they share.</summary>
    public ExpertMix Mix { get; }

    /// <summary>The tokens read so far.</summary>
    public int Length { get; private set; }

    /// <summary>Whether it has been disposed of.</summary>
    internal bool IsDisposed { get; private set; }

    internal Decoder Decoder { get; }

    /// <summary>The number of <see cref="Mix"/> in the decoder's tables.</summary>
    internal int Number { get; }

    internal List<int> Pages => _pages;

    /// <summary>The last call of the decoder that it had a part in.</summary>
    internal long LastRead { get; set; }

    /// <summary>The pages of a sequence of some length.</summary>
    internal static int PagesFor(int tokens) => (int)(((long)tokens + KeyValuePages.Length - 1) / KeyValuePages.Length);

    /// <summary>The pages that are missing for some more tokens.</summary>
    internal int PagesMissing(int tokens) => PagesFor(Length + tokens) - _pages.Count;

    /// <summary>Makes room for more tokens and counts them as read.</summary>
    internal void Advance(int tokens)
    {
        for (int missing = PagesMissing(tokens); missing > 0; missing--)
        {
            _pages.Add(_cache.Take());
        }

        Length += tokens;
    }

    /// <summary>Takes the last tokens back, whose pages are free again.</summary>
    internal void Retreat(int tokens)
    {
        if (!IsDisposed)
        {
            Length -= tokens;
            int kept = PagesFor(Length);
            for (int i = kept; i < _pages.Count; i++)
            {
                _cache.Return(_pages[i]);
            }

            _pages.RemoveRange(kept, _pages.Count - kept);
        }
    }

    /// <summary>Gives its part of the cache back.</summary>
    public void Dispose()
    {
        if (!IsDisposed)
        {
            IsDisposed = true;
            _pages.ForEach(_cache.Return);
            _pages.Clear();
            Decoder.End(this);
        }
    }
}
