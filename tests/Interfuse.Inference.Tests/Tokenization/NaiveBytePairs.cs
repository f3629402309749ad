namespace Interfuse.Inference.Tests.Tokenization;

/// <summary>
/// Byte-pair encoding straight from its definition: as long as some pair is a merge, join the one of the lowest rank,
/// the leftmost of equals.
/// </summary>
internal static class NaiveBytePairs
{
    public static List<string> Encode(IEnumerable<string> symbols, (string Left, string Right)[] merges)
    {
        List<string> word = [.. symbols];
        while (true)
        {
            int best = int.MaxValue;
            int place = -1;
            for (int i = 0; i + 1 < word.Count; i++)
            {
                int rank = Array.IndexOf(merges, (word[i], word[i + 1]));
                if (rank >= 0 && rank < best)
                {
                    (best, place) = (rank, i);
                }
            }

            if (place < 0)
            {
                return word;
            }

            word[place] += word[place + 1];
            word.RemoveAt(place + 1);
        }
    }
}
