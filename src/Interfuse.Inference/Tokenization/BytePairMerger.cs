namespace Interfuse.Inference.Tokenization;

/// <summary>
/// Merges the pairs of one word at a time: always the pair of the lowest rank, the leftmost of equals.
/// </summary>
/// <remarks>
/// The word is a linked list and its pairs wait in a heap, so a word of n symbols costs O(n log n): models without a
/// pre-tokenizer have words as long as the text. One instance serves one thread.
/// </remarks>
internal sealed class BytePairMerger(Dictionary<ulong, (int Rank, int Merged)> merges)
{
    private const int None = -1;

    private readonly PriorityQueue<int, ulong> _pairs = new();
    private int[] _ids = new int[64];
    private int[] _previous = new int[64];
    private int[] _next = new int[64];
    private int _count;

    /// <summary>The key of a pair in the table of merges.</summary>
    public static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    /// <summary>Empties the word.</summary>
    public void Clear() => _count = 0;

    /// <summary>Puts a symbol at the end of the word.</summary>
    public void Add(int id)
    {
        if (_count == _ids.Length)
        {
            Array.Resize(ref _ids, 2 * _count);
            Array.Resize(ref _previous, 2 * _count);
            Array.Resize(ref _next, 2 * _count);
        }

        _ids[_count++] = id;
    }

    /// <summary>Merges the word and writes its tokens after those that are there.</summary>
    public void MergeInto(List<int> tokens)
    {
        for (int i = 0; i < _count; i++)
        {
            _previous[i] = i - 1;
            _next[i] = i + 1 < _count ? i + 1 : None;
        }

        for (int i = 0; i + 1 < _count; i++)
        {
            Enqueue(i, i + 1);
        }

        while (_pairs.TryDequeue(out int merged, out ulong priority))
        {
            Merge((int)(uint)priority, merged);
        }

        for (int i = _count > 0 ? 0 : None; i != None; i = _next[i])
        {
            tokens.Add(_ids[i]);
        }
    }

    private void Enqueue(int left, int right)
    {
        if (merges.TryGetValue(Key(_ids[left], _ids[right]), out (int Rank, int Merged) merge))
        {
            _pairs.Enqueue(merge.Merged, ((ulong)(uint)merge.Rank << 32) | (uint)left);
        }
    }

    private void Merge(int left, int merged)
    {
        int right = _ids[left] == None ? None : _next[left];

        // An earlier merge may have taken either side: then the pair of this entry is gone.
        if (right == None
            || !merges.TryGetValue(Key(_ids[left], _ids[right]), out (int Rank, int Merged) merge)
            || merge.Merged != merged)
        {
            return;
        }

        _ids[left] = merged;
        _ids[right] = None;
        int after = _next[right];
        _next[left] = after;
        if (after != None)
        {
            _previous[after] = left;
            Enqueue(left, after);
        }

        if (_previous[left] != None)
        {
            Enqueue(_previous[left], left);
        }
    }
}
