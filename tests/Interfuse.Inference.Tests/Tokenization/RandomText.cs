using System.Text;

namespace Interfuse.Inference.Tests.Tokenization;

/// <summary>Texts with everything that tokenizers stumble over, the same for the same seed.</summary>
internal static class RandomText
{
    private static readonly string[] Parts =
    [
        "hello", " world", "the ", "I'm", "we'LL", "'\u017F", "e\u0301", "\u00E9", "日本語", "привет", "한국어", "😀", "👩‍👩‍👧",
        "𝐀𝐁", "𠀀𠮷", "𝟘𝟙", "½Ⅷ", "12345678", "\n", "\r\n", "  ", "    ", "\t", "\u00A0", "...", "!?", "aaaaaaa", "<x>",
        "\0", "\uFEFF", "\u200D",
    ];

    public static string Make(Random random)
    {
        var text = new StringBuilder();
        for (int i = random.Next(12); i >= 0; i--)
        {
            if (random.Next(3) > 0)
            {
                text.Append(Parts[random.Next(Parts.Length)]);
                continue;
            }

            int point = random.Next(2) == 0 ? random.Next(0x250) : random.Next(0x110000 - 0x800);
            text.Append(new Rune(point < 0xD800 ? point : point + 0x800).ToString());
        }

        return text.ToString();
    }
}
