namespace Interfuse.Merging.Recipes;

/// <summary>Finds what a misspelled word was meant to be.</summary>
public static class Nearest
{
    // Longer words are no slip of the fingers, and the distance costs length times length.
    private const int MaxLength = 64;

    /// <summary>The known word that is closest to a word, if one is close.</summary>
    /// <remarks>Close is a Damerau-Levenshtein distance (insertions, deletions, replacements and swaps of neighbours)
    /// of at most a third of the word's length and at least 1; upper and lower case, and <c>-</c> and <c>_</c>, count
    /// as the same. Between equally close words the earlier one is taken.</remarks>
    /// <param name="word">The word found.</param>
    /// <param name="known">The words expected.</param>
    /// <returns>The closest known word, or null when none is close.</returns>
    public static string? To(string word, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(word);
        ArgumentNullException.ThrowIfNull(known);
        if (word.Length is 0 or > MaxLength)
        {
            return null;
        }

        string folded = Fold(word);
        int bound = Math.Max(1, word.Length / 3);
        string? nearest = null;
        foreach (string candidate in known)
        {
            if (Math.Abs(candidate.Length - word.Length) <= bound)
            {
                int distance = Distance(folded, Fold(candidate));

                // Two one-letter words are always one replacement apart: that says nothing.
                if (distance <= bound && distance < Math.Max(word.Length, candidate.Length))
                {
                    nearest = candidate;
                    bound = distance - 1;
                }
            }
        }

        return nearest;
    }

    private static string Fold(string word) => word.ToLowerInvariant().Replace('-', '_');

    // The restricted form (optimal string alignment): no letter takes part in two edits.
    private static int Distance(string left, string right)
    {
        int[] beforeLast = new int[right.Length + 1];
        int[] last = new int[right.Length + 1];
        int[] row = new int[right.Length + 1];
        for (int j = 0; j <= right.Length; j++)
        {
            row[j] = j;
        }

        for (int i = 1; i <= left.Length; i++)
        {
            (beforeLast, last, row) = (last, row, beforeLast);
            row[0] = i;
            for (int j = 1; j <= right.Length; j++)
            {
                int replace = last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
                row[j] = Math.Min(replace, Math.Min(last[j], row[j - 1]) + 1);
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                {
                    row[j] = Math.Min(row[j], beforeLast[j - 2] + 1);
                }
            }
        }

        return row[right.Length];
    }
}
