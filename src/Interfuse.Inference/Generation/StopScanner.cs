namespace Interfuse.Inference.Generation;

/// <summary>Passes text on until a stop string appears in it, which may be spread over several pieces.</summary>
internal sealed class StopScanner(IReadOnlyList<string> stops)
{
    private string _held = "";

    /// <summary>Whether a stop string has appeared: nothing is passed on any more.</summary>
    public bool Stopped { get; private set; }

    /// <summary>Takes a piece of text and returns what is certainly before any stop string.</summary>
    public string Append(string piece)
    {
        if (Stopped)
        {
            return "";
        }

        // Where nothing is held back, a piece is passed on as it is.
        string text = _held + piece;
        (int End, int Start) first = (int.MaxValue, 0);
        int held = 0;
        for (int i = 0; i < stops.Count; i++)
        {
            int start = text.IndexOf(stops[i], StringComparison.Ordinal);
            int end = start + stops[i].Length;

            // The one that is complete first, so that it doesn't matter in which pieces the text comes.
            if (start >= 0 && (end < first.End || (end == first.End && start < first.Start)))
            {
                first = (end, start);
            }

            held = Math.Max(held, HeldBack(text, stops[i]));
        }

        if (first.End < int.MaxValue)
        {
            Stopped = true;
            _held = "";
            return text[..first.Start];
        }

        _held = text[^held..];
        return text[..^held];
    }

    /// <summary>What was held back: the beginning of a stop string that never came.</summary>
    public string Finish()
    {
        string held = _held;
        _held = "";
        return held;
    }

    // The length of the text's end that may be the beginning of a stop string.
    private static int HeldBack(string text, string stop)
    {
        for (int length = Math.Min(stop.Length - 1, text.Length); length > 0; length--)
        {
            if (text.AsSpan()[^length..].SequenceEqual(stop.AsSpan(0, length)))
            {
                return length;
            }
        }

        return 0;
    }
}
