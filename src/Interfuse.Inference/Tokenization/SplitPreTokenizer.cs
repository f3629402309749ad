namespace Interfuse.Inference.Tokenization;

/// <summary>
/// What becomes of the delimiters that a piece is cut at; the names are those of <c>tokenizer.json</c>.
/// </summary>
internal enum SplitBehavior
{
    /// <summary>They are dropped.</summary>
    Removed,

    /// <summary>Each is a piece.</summary>
    Isolated,

    /// <summary>Each ends the piece before it.</summary>
    MergedWithPrevious,

    /// <summary>Each starts the piece after it.</summary>
    MergedWithNext,

    /// <summary>Those that touch are one piece.</summary>
    Contiguous,
}

/// <summary>Cuts a piece at the matches of a pattern, or, inverted, at what lies between them.</summary>
internal sealed class SplitPreTokenizer(TextPattern pattern, SplitBehavior behavior, bool invert) : PreTokenizer
{
    public override void Split(Piece piece, List<Piece> pieces)
    {
        foreach ((int start, int end, bool isDelimiter) in Join(Parts(piece.Text.Span)))
        {
            if (start < end && !(isDelimiter && behavior == SplitBehavior.Removed))
            {
                pieces.Add(new Piece(piece.Text[start..end], piece.AtStart && start == 0));
            }
        }
    }

    /// <summary>Matches and what lies between them, in order.</summary>
    private List<(int Start, int End, bool IsDelimiter)> Parts(ReadOnlySpan<char> text)
    {
        var matches = new List<(int Start, int End)>();
        pattern.Find(text, matches);
        var parts = new List<(int Start, int End, bool IsDelimiter)>(matches.Count + 1);
        int done = 0;
        foreach ((int start, int end) in matches)
        {
            if (done < start)
            {
                parts.Add((done, start, invert));
            }

            parts.Add((start, end, !invert));
            done = end;
        }

        if (done < text.Length)
        {
            parts.Add((done, text.Length, invert));
        }

        return parts;
    }

    private List<(int Start, int End, bool IsDelimiter)> Join(List<(int Start, int End, bool IsDelimiter)> parts)
    {
        if (behavior is SplitBehavior.Removed or SplitBehavior.Isolated)
        {
            return parts;
        }

        var joined = new List<(int Start, int End, bool IsDelimiter)>(parts.Count);
        for (int i = 0; i < parts.Count; i++)
        {
            if (i > 0 && Joins(parts, i))
            {
                joined[^1] = (joined[^1].Start, parts[i].End, false);
            }
            else
            {
                joined.Add(parts[i]);
            }
        }

        return joined;
    }

    /// <summary>Whether a part is one with the part before it. Of touching delimiters, one at most is merged.</summary>
    private bool Joins(List<(int Start, int End, bool IsDelimiter)> parts, int i) => behavior switch
    {
        SplitBehavior.Contiguous => parts[i].IsDelimiter == parts[i - 1].IsDelimiter,
        SplitBehavior.MergedWithPrevious => parts[i].IsDelimiter && !parts[i - 1].IsDelimiter,
        _ => parts[i - 1].IsDelimiter && !parts[i].IsDelimiter,
    };
}
