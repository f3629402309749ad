using System.Runtime.InteropServices;
using System.Text;

namespace Interfuse.Inference.Tokenization;

/// <summary>The four normalization forms of Unicode Standard Annex 15.</summary>
internal static class UnicodeNormalization
{
    private const int SyllableBase = 0xAC00;
    private const int LeadBase = 0x1100;
    private const int VowelBase = 0x1161;
    private const int TrailBase = 0x11A7;
    private const int Leads = 19;
    private const int Vowels = 21;
    private const int Trails = 28;

    // Below it every character is its own canonical composition and starts a new one.
    private const char FirstToCompose = '\u0300';

    /// <summary>Canonical composition.</summary>
    public static string Nfc(string text) => Normalize(text, FirstToCompose, compatible: false, compose: true);

    /// <summary>Canonical decomposition.</summary>
    public static string Nfd(string text) => Normalize(text, '\u0080', compatible: false, compose: false);

    /// <summary>Compatibility composition.</summary>
    public static string Nfkc(string text) => Normalize(text, '\u0080', compatible: true, compose: true);

    /// <summary>Compatibility decomposition.</summary>
    public static string Nfkd(string text) => Normalize(text, '\u0080', compatible: true, compose: false);

    private static string Normalize(string text, char firstChanged, bool compatible, bool compose)
    {
        if (!text.AsSpan().ContainsAnyInRange(firstChanged, char.MaxValue))
        {
            return text;
        }

        List<int> points = Decompose(text, compatible);
        Order(CollectionsMarshal.AsSpan(points));
        if (compose)
        {
            Compose(points);
        }

        var result = new StringBuilder(text.Length);
        Span<char> units = stackalloc char[2];
        foreach (int point in points)
        {
            result.Append(units[..new Rune(point).EncodeToUtf16(units)]);
        }

        return result.ToString();
    }

    private static List<int> Decompose(string text, bool compatible)
    {
        UnicodeTables tables = UnicodeTables.Instance;
        var points = new List<int>(text.Length);
        foreach (Rune character in text.EnumerateRunes())
        {
            int point = character.Value;
            int syllable = point - SyllableBase;
            if ((uint)syllable < Leads * Vowels * Trails)
            {
                points.Add(LeadBase + (syllable / (Vowels * Trails)));
                points.Add(VowelBase + (syllable / Trails % Vowels));
                if (syllable % Trails > 0)
                {
                    points.Add(TrailBase + (syllable % Trails));
                }
            }
            else if (tables.Decomposition(point, compatible) is int[] parts)
            {
                points.AddRange(parts);
            }
            else
            {
                points.Add(point);
            }
        }

        return points;
    }

    /// <summary>Sorts every run of marks by combining class, equals in the order they have.</summary>
    private static void Order(Span<int> points)
    {
        UnicodeTables tables = UnicodeTables.Instance;
        for (int start = 0; start < points.Length;)
        {
            int end = start;
            while (end < points.Length && tables.CombiningClass(points[end]) > 0)
            {
                end++;
            }

            if (end - start > 1)
            {
                int[] sorted = [.. points[start..end].ToArray().OrderBy(tables.CombiningClass)];
                sorted.CopyTo(points[start..]);
            }

            start = end + 1;
        }
    }

    private static void Compose(List<int> points)
    {
        UnicodeTables tables = UnicodeTables.Instance;
        int starter = -1;
        int last = 0;
        int written = 0;
        for (int i = 0; i < points.Count; i++)
        {
            int point = points[i];
            int rank = tables.CombiningClass(point);

            // A mark is blocked from its starter by one of its own class or a higher one that stayed between them.
            bool reaches = starter >= 0 && (written == starter + 1 || last < rank);
            if (reaches && Pair(points[starter], point, tables) is int composed)
            {
                points[starter] = composed;
                continue;
            }

            if (rank == 0)
            {
                starter = written;
            }

            last = rank;
            points[written++] = point;
        }

        points.RemoveRange(written, points.Count - written);
    }

    private static int? Pair(int first, int second, UnicodeTables tables)
    {
        if ((uint)(first - LeadBase) < Leads && (uint)(second - VowelBase) < Vowels)
        {
            return SyllableBase + ((((first - LeadBase) * Vowels) + second - VowelBase) * Trails);
        }

        int syllable = first - SyllableBase;
        return (uint)syllable < Leads * Vowels * Trails && syllable % Trails == 0
            && second > TrailBase && second < TrailBase + Trails
                ? first + second - TrailBase
                : tables.Composition(first, second);
    }
}
