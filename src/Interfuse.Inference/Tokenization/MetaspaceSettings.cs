using System.Text.Json;

namespace Interfuse.Inference.Tokenization;

/// <summary>SentencePiece's way with spaces: a visible character stands for them and starts every word.</summary>
/// <param name="Replacement">What stands for a space.</param>
/// <param name="Prepend">
/// Where a text without it gets one in front: <c>always</c>, <c>first</c> or <c>never</c>.
/// </param>
/// <param name="Split">Whether words are cut before each.</param>
internal sealed record MetaspaceSettings(char Replacement, string Prepend, bool Split)
{
    /// <summary>
    /// Reads the settings of a Metaspace pre-tokenizer or decoder, in today's spelling or the one before.
    /// </summary>
    public static MetaspaceSettings Read(JsonElement element, string part, TokenizerSettings settings)
    {
        string replacement = settings.OptionalText(element, "replacement", part) ?? "\u2581";
        if (replacement.Length != 1)
        {
            throw settings.Fault($"{part} has the replacement '{replacement}', where one character is expected; "
                + "download the file again");
        }

        bool? addPrefixSpace = settings.OptionalFlag(element, "add_prefix_space", part);
        string prepend = settings.OptionalText(element, "prepend_scheme", part)
            ?? (addPrefixSpace == false ? "never" : "always");
        if (prepend is not ("always" or "first" or "never"))
        {
            throw settings.Fault($"{part} has the prepend_scheme '{prepend}', and always, first and never are supported; "
                + "download the file again");
        }

        return new MetaspaceSettings(replacement[0], prepend, settings.Flag(element, "split", true, part));
    }

    /// <summary>The pre-tokenizer with these settings.</summary>
    public PreTokenizer PreTokenizer(TokenizerSettings settings) => new MetaspacePreTokenizer(
        this,
        new SplitPreTokenizer(
            TextPattern.Exactly(Replacement.ToString(), settings), SplitBehavior.MergedWithNext, false));

    private sealed class MetaspacePreTokenizer(MetaspaceSettings metaspace, SplitPreTokenizer words) : PreTokenizer
    {
        public override void Split(Piece piece, List<Piece> pieces)
        {
            string text = piece.Text.ToString().Replace(' ', metaspace.Replacement);
            bool prepend = metaspace.Prepend == "always" || (metaspace.Prepend == "first" && piece.AtStart);
            if (prepend && text[0] != metaspace.Replacement)
            {
                text = metaspace.Replacement + text;
            }

            var whole = new Piece(text.AsMemory(), piece.AtStart);
            if (metaspace.Split)
            {
                words.Split(whole, pieces);
            }
            else
            {
                pieces.Add(whole);
            }
        }
    }
}
