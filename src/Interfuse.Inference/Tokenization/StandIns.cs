using System.Globalization;
using System.Text;

namespace Interfuse.Inference.Tokenization;

/// <summary>
/// Lets the framework's expressions, which see UTF-16 units, match by code point: every character outside the basic
/// plane is shown to the expression as one character of the same general category.
/// </summary>
/// <remarks>
/// A stand-in is a character that the pattern does not name, singly or in a range, so the pattern can tell the two apart
/// by category only, and that is equal. Characters of the basic plane stand for themselves.
/// </remarks>
internal sealed class StandIns
{
    // The first letters of the basic plane that are unlikely to be named; the search goes on from the start.
    private const int SearchFrom = 0xA000;
    private const int AlphabeticSymbols = 30;
    private const char FirstAlphabeticSymbol = '\u24B6';

    private readonly char[] _byCategory;

    private StandIns(char[] byCategory) => _byCategory = byCategory;

    /// <summary>Chooses stand-ins for a pattern.</summary>
    /// <param name="isNamed">Whether the pattern names the character.</param>
    /// <returns>Null if the pattern names every character of a category.</returns>
    public static StandIns? For(Func<char, bool> isNamed)
    {
        char[] byCategory = new char[AlphabeticSymbols + 1];
        int missing = byCategory.Length - 1;
        for (int i = 0; i <= char.MaxValue && missing > 0; i++)
        {
            char candidate = (char)(SearchFrom + i);
            int group = GroupOf(candidate);
            if (candidate != 0 && group != (int)UnicodeCategory.Surrogate && byCategory[group] == 0
                && !isNamed(candidate))
            {
                byCategory[group] = candidate;
                missing--;
            }
        }

        return missing == 0 ? new StandIns(byCategory) : null;
    }

    /// <summary>Circled letters and their like: symbols by category, and word characters all the same.</summary>
    public static bool IsAlphabeticSymbol(int codePoint) =>
        codePoint is (>= FirstAlphabeticSymbol and <= 0x24E9)
            or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189);

    /// <summary>Writes the text as the pattern is to see it, and where each of its characters starts.</summary>
    /// <param name="text">Well-formed UTF-16.</param>
    /// <param name="shown">The text with stand-ins; as long as <paramref name="text"/> at most.</param>
    /// <param name="starts">For each shown character, and for the end, its place in <paramref name="text"/>.</param>
    /// <returns>The number of characters shown.</returns>
    public int Show(ReadOnlySpan<char> text, Span<char> shown, Span<int> starts)
    {
        int count = 0;
        int position = 0;
        foreach (Rune character in text.EnumerateRunes())
        {
            starts[count] = position;
            shown[count++] = character.IsBmp ? (char)character.Value : _byCategory[GroupOf(character.Value)];
            position += character.Utf16SequenceLength;
        }

        starts[count] = position;
        return count;
    }

    private static int GroupOf(int codePoint) =>
        IsAlphabeticSymbol(codePoint) ? AlphabeticSymbols : (int)CharUnicodeInfo.GetUnicodeCategory(codePoint);
}
