namespace Interfuse.Inference.Tokenization;

/// <summary>
/// The alphabet in which byte-level vocabularies are written: one printable character for each byte (GPT-2).
/// </summary>
/// <remarks>
/// Bytes that are printable in Latin-1 stand for themselves; the others, in order, are U+0100, U+0101 and on.
/// </remarks>
internal static class ByteAlphabet
{
    private const int Limit = 0x100 + 68;

    private static readonly char[] Characters = MakeCharacters();
    private static readonly short[] Bytes = MakeBytes();

    public static char Character(byte value) => Characters[value];

    /// <summary>The byte that the character stands for, or -1 if it is not of the alphabet.</summary>
    public static int ByteOf(char character) => character < Limit ? Bytes[character] : -1;

    private static bool IsPrintable(int value) =>
        value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);

    private static char[] MakeCharacters()
    {
        char[] characters = new char[256];
        int next = 0x100;
        for (int value = 0; value < 256; value++)
        {
            characters[value] = (char)(IsPrintable(value) ? value : next++);
        }

        return characters;
    }

    private static short[] MakeBytes()
    {
        short[] bytes = new short[Limit];
        Array.Fill(bytes, (short)-1);
        for (int value = 0; value < 256; value++)
        {
            bytes[Characters[value]] = (short)value;
        }

        return bytes;
    }
}
