using System.Buffers;
using System.Text;

namespace Interfuse.Inference.Tokenization;

/// <summary>Puts characters together from bytes that come a few at a time.</summary>
/// <param name="markEachByte">
/// Whether each byte that is part of no character gives a replacement character, as SentencePiece has it, or each run of
/// bytes that starts like one (the WHATWG rule).
/// </param>
internal sealed class Utf8Assembler(bool markEachByte)
{
    private readonly byte[] _waiting = new byte[4];
    private int _count;

    /// <summary>Takes a byte, and writes the characters that are certain now.</summary>
    public void Add(byte value, StringBuilder text)
    {
        _waiting[_count++] = value;
        Drain(text, atEnd: false);
    }

    /// <summary>Writes replacement characters for what is not a character yet and never will be.</summary>
    public void Finish(StringBuilder text) => Drain(text, atEnd: true);

    private void Drain(StringBuilder text, bool atEnd)
    {
        Span<char> units = stackalloc char[2];
        while (_count > 0)
        {
            OperationStatus status = Rune.DecodeFromUtf8(_waiting.AsSpan(0, _count), out Rune character, out int used);
            if (status == OperationStatus.NeedMoreData && !atEnd)
            {
                return;
            }

            if (status == OperationStatus.Done)
            {
                text.Append(units[..character.EncodeToUtf16(units)]);
            }
            else
            {
                text.Append('\uFFFD', markEachByte ? used : 1);
            }

            _waiting.AsSpan(used, _count - used).CopyTo(_waiting);
            _count -= used;
        }
    }
}
