using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Interfuse.Inference.Tokenization;

/// <summary>What is done to a text before its words are found.</summary>
internal static class Normalizer
{
    private const string Supported =
        "NFC, NFD, NFKC, NFKD, Prepend, Replace, Lowercase, Strip, StripAccents, ByteLevel and Sequence are supported";

    /// <summary>Reads the normalizer of a <c>tokenizer.json</c>; null stands for none.</summary>
    public static Func<string, string>? Read(JsonElement? element, TokenizerSettings settings)
    {
        if (element is not JsonElement given)
        {
            return null;
        }

        string type = settings.Text(given, "type", "the normalizer");
        switch (type)
        {
            case "Sequence":
                Func<string, string>[] steps =
                [
                    .. settings.List(given, "normalizers", "the normalizer").EnumerateArray()
                        .Select(step => Read(step, settings)!),
                ];
                return text => steps.Aggregate(text, (result, step) => step(result));
            case "NFC":
                return UnicodeNormalization.Nfc;
            case "NFD":
                return UnicodeNormalization.Nfd;
            case "NFKC":
                return UnicodeNormalization.Nfkc;
            case "NFKD":
                return UnicodeNormalization.Nfkd;
            case "Prepend":
                string prefix = settings.Text(given, "prepend", "the normalizer Prepend");
                return text => text.Length > 0 ? prefix + text : text;
            case "Replace":
                TextPattern pattern = TextPattern.Read(given, "the normalizer Replace", settings);
                string content = settings.Text(given, "content", "the normalizer Replace");
                return text => pattern.Replace(text, content);
            case "Lowercase":
                return Lowercase;
            case "Strip":
                bool left = settings.Flag(given, "strip_left", true, "the normalizer Strip");
                bool right = settings.Flag(given, "strip_right", true, "the normalizer Strip");
                return text => Strip(text, left, right);
            case "StripAccents":
                return StripAccents;
            case "ByteLevel":
                return ToByteAlphabet;
            default:
                throw settings.Fault($"has the normalizer '{type}', and {Supported}; use a tokenizer of such a family");
        }
    }

    private static string Strip(string text, bool left, bool right)
    {
        text = left ? text.TrimStart() : text;
        return right ? text.TrimEnd() : text;
    }

    private static string StripAccents(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (Rune character in text.EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(character) is not (>= UnicodeCategory.NonSpacingMark
                and <= UnicodeCategory.EnclosingMark))
            {
                result.Append(character.ToString());
            }
        }

        return result.ToString();
    }

    // The four characters whose lower case the framework does not give without culture data.
    private static string Lowercase(string text) => text.ToLowerInvariant()
        .Replace("\u0130", "i\u0307", StringComparison.Ordinal)
        .Replace('\u2126', '\u03C9').Replace('\u212A', 'k').Replace('\u212B', '\u00E5');

    private static string ToByteAlphabet(string text) => string.Concat(
        Encoding.UTF8.GetBytes(text).Select(ByteAlphabet.Character));
}
