using System.Text;

namespace Interfuse.Inference.Tokenization;

/// <summary>Cuts a piece into words, if there is a pattern for them, and writes each in the byte alphabet.</summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, TextPattern? words) : PreTokenizer
{
    public override void Split(Piece piece, List<Piece> pieces)
    {
        ReadOnlySpan<char> text = piece.Text.Span;
        if (addPrefixSpace && text[0] != ' ')
        {
            text = string.Concat(" ", text);
        }

        char[] letters = new char[Encoding.UTF8.GetByteCount(text)];
        int used = 0;
        int done = 0;
        var matches = new List<(int Start, int End)>();
        words?.Find(text, matches);
        foreach ((int start, int end) in matches)
        {
            Write(text[done..start], letters, ref used, piece.AtStart, pieces);
            Write(text[start..end], letters, ref used, piece.AtStart, pieces);
            done = end;
        }

        Write(text[done..], letters, ref used, piece.AtStart, pieces);
    }

    private static void Write(
        ReadOnlySpan<char> word, char[] letters, ref int used, bool atStart, List<Piece> pieces)
    {
        if (word.IsEmpty)
        {
            return;
        }

        int start = used;
        Span<byte> bytes = stackalloc byte[4];
        foreach (Rune character in word.EnumerateRunes())
        {
            int length = character.EncodeToUtf8(bytes);
            for (int i = 0; i < length; i++)
            {
                letters[used++] = ByteAlphabet.Character(bytes[i]);
            }
        }

        pieces.Add(new Piece(letters.AsMemory(start, used - start), atStart && start == 0));
    }
}
