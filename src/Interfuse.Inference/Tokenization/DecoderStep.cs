using System.Globalization;
using System.Text;

namespace Interfuse.Inference.Tokenization;

/// <summary>One step from tokens to text, at work on one stream of tokens.</summary>
internal abstract class DecoderStep
{
    /// <summary>Takes the next text of the step before, and writes what is certain now.</summary>
    public abstract void Push(string text, List<string> output);

    /// <summary>Writes what was held back.</summary>
    public virtual void Finish(List<string> output)
    {
    }

    /// <summary>The text of one token in the middle of others.</summary>
    public virtual string OwnText(string text) => text;

    /// <summary>The bytes that a token stands for, or null if the step makes text of it.</summary>
    public virtual byte[]? OwnBytes(string text) => null;
}

/// <summary>Reads tokens in the byte alphabet as bytes, and the bytes as UTF-8.</summary>
internal sealed class ByteLevelStep : DecoderStep
{
    private readonly Utf8Assembler _characters = new(markEachByte: false);
    private readonly StringBuilder _result = new();

    public override void Push(string text, List<string> output)
    {
        _result.Clear();
        if (IsInAlphabet(text))
        {
            foreach (char c in text)
            {
                _characters.Add((byte)ByteAlphabet.ByteOf(c), _result);
            }
        }
        else
        {
            foreach (byte value in Encoding.UTF8.GetBytes(text))
            {
                _characters.Add(value, _result);
            }
        }

        output.Add(_result.ToString());
    }

    public override byte[] OwnBytes(string text) => IsInAlphabet(text)
        ? [.. text.Select(c => (byte)ByteAlphabet.ByteOf(c))]
        : Encoding.UTF8.GetBytes(text);

    // A token that is not written in the alphabet, such as an added one with a space, stands for itself.
    private static bool IsInAlphabet(string text)
    {
        foreach (char c in text)
        {
            if (ByteAlphabet.ByteOf(c) < 0)
            {
                return false;
            }
        }

        return true;
    }

    public override void Finish(List<string> output)
    {
        var result = new StringBuilder();
        _characters.Finish(result);
        output.Add(result.ToString());
    }
}

/// <summary>Reads tokens such as <c>&lt;0xE2&gt;</c> as bytes, and runs of them as UTF-8.</summary>
internal sealed class ByteFallbackStep : DecoderStep
{
    private readonly Utf8Assembler _characters = new(markEachByte: true);

    /// <summary>The byte that a token stands for, or null if it is an ordinary token.</summary>
    public static byte? ByteOf(string token) =>
        token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
        && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value)
            ? value
            : null;

    public override void Push(string text, List<string> output)
    {
        var result = new StringBuilder();
        if (ByteOf(text) is byte value)
        {
            _characters.Add(value, result);
            if (result.Length > 0)
            {
                output.Add(result.ToString());
            }
        }
        else
        {
            Finish(output);
            output.Add(text);
        }
    }

    public override byte[]? OwnBytes(string text) => ByteOf(text) is byte value ? [value] : null;

    public override void Finish(List<string> output)
    {
        var result = new StringBuilder();
        _characters.Finish(result);
        if (result.Length > 0)
        {
            output.Add(result.ToString());
        }
    }
}

/// <summary>Rewrites each text by itself.</summary>
internal sealed class RewritingStep(Func<string, string> rewrite) : DecoderStep
{
    public override void Push(string text, List<string> output) => output.Add(rewrite(text));

    public override string OwnText(string text) => rewrite(text);
}

/// <summary>SentencePiece's spaces; those of the first token are dropped if texts get one in front.</summary>
internal sealed class MetaspaceStep(MetaspaceSettings settings) : DecoderStep
{
    private bool _started;

    public override void Push(string text, List<string> output)
    {
        bool drop = !_started && settings.Prepend != "never";
        _started = true;
        output.Add(drop
            ? text.Replace(settings.Replacement.ToString(), "", StringComparison.Ordinal)
            : OwnText(text));
    }

    public override string OwnText(string text) => text.Replace(settings.Replacement, ' ');
}

/// <summary>Joins tokens with a space: what a tokenizer without a decoder means.</summary>
internal sealed class JoiningStep : DecoderStep
{
    private bool _started;

    public override void Push(string text, List<string> output)
    {
        output.Add(_started ? OwnText(text) : text);
        _started = true;
    }

    public override string OwnText(string text) => " " + text;
}

/// <summary>Cuts a character off the start and the end of the whole text, so often at most.</summary>
internal sealed class StreamStripStep(char content, int start, int stop) : DecoderStep
{
    private int _start = start;
    private string _held = "";

    public override void Push(string text, List<string> output)
    {
        int cut = 0;
        while (cut < text.Length && cut < _start && text[cut] == content)
        {
            cut++;
        }

        // Once another character was seen, the start is over.
        _start = cut < text.Length ? 0 : _start - cut;
        string whole = _held + text[cut..];
        int keep = whole.Length;
        while (keep > 0 && whole.Length - keep < stop && whole[keep - 1] == content)
        {
            keep--;
        }

        _held = whole[keep..];
        output.Add(whole[..keep]);
    }
}
