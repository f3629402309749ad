using System.Globalization;
using System.Text;

namespace Interfuse.Inference.Tests.Tokenization;

/// <summary>
/// The words of GPT-2 and Llama 3, cut by hand from the meaning of their patterns, code point by code point.
/// </summary>
internal static class NaiveWords
{
    private static readonly string[] Contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

    public static List<string> Cut(string text, bool llama3)
    {
        Rune[] runes = [.. text.EnumerateRunes()];
        var words = new List<string>();
        for (int at = 0; at < runes.Length;)
        {
            int length = llama3 ? Llama3(runes.AsSpan(at)) : Gpt2(runes.AsSpan(at));
            words.Add(string.Concat(runes[at..(at + length)]));
            at += length;
        }

        return words;
    }

    private static int Gpt2(ReadOnlySpan<Rune> text)
    {
        int contraction = Contraction(text, ignoreCase: false);
        if (contraction > 0)
        {
            return contraction;
        }

        int lead = text[0].Value == ' ' ? 1 : 0;
        foreach (Func<Rune, bool> kind in new[] { IsLetter, IsNumber, IsOther })
        {
            int length = Run(text[lead..], kind);
            if (length > 0)
            {
                return lead + length;
            }
        }

        return Spaces(text);
    }

    private static int Llama3(ReadOnlySpan<Rune> text)
    {
        int contraction = Contraction(text, ignoreCase: true);
        if (contraction > 0)
        {
            return contraction;
        }

        bool mayLead = !IsLetter(text[0]) && !IsNumber(text[0]) && text[0].Value is not ('\r' or '\n');
        int letters = Run(text[(mayLead ? 1 : 0)..], IsLetter);
        if (letters > 0)
        {
            return letters + (mayLead ? 1 : 0);
        }

        if (IsNumber(text[0]))
        {
            return Math.Min(3, Run(text, IsNumber));
        }

        int lead = text[0].Value == ' ' ? 1 : 0;
        int others = Run(text[lead..], IsOther);
        if (others > 0)
        {
            return lead + others + Run(text[(lead + others)..], IsLineEnd);
        }

        int spaces = Run(text, Rune.IsWhiteSpace);
        for (int end = spaces; end > 0; end--)
        {
            if (IsLineEnd(text[end - 1]))
            {
                return end;
            }
        }

        return Spaces(text);
    }

    /// <summary>White space; the last of it is left for the word that follows, unless it is all there is.</summary>
    private static int Spaces(ReadOnlySpan<Rune> text)
    {
        int length = Run(text, Rune.IsWhiteSpace);
        return length < text.Length && length > 1 ? length - 1 : length;
    }

    private static int Contraction(ReadOnlySpan<Rune> text, bool ignoreCase)
    {
        foreach (string contraction in Contractions)
        {
            bool same = text.Length >= contraction.Length;
            for (int i = 0; same && i < contraction.Length; i++)
            {
                int point = text[i].Value;
                point = ignoreCase && point is >= 'A' and <= 'Z' ? point + 32 : point;
                same = (ignoreCase && point == 0x17F ? 's' : point) == contraction[i];
            }

            if (same)
            {
                return contraction.Length;
            }
        }

        return 0;
    }

    private static int Run(ReadOnlySpan<Rune> text, Func<Rune, bool> kind)
    {
        int length = 0;
        while (length < text.Length && kind(text[length]))
        {
            length++;
        }

        return length;
    }

    private static bool IsLetter(Rune rune) => Rune.GetUnicodeCategory(rune) <= UnicodeCategory.OtherLetter;

    private static bool IsNumber(Rune rune) => Rune.GetUnicodeCategory(rune)
        is >= UnicodeCategory.DecimalDigitNumber and <= UnicodeCategory.OtherNumber;

    private static bool IsOther(Rune rune) => !IsLetter(rune) && !IsNumber(rune) && !Rune.IsWhiteSpace(rune);

    private static bool IsLineEnd(Rune rune) => rune.Value is '\r' or '\n';
}
