using System.Buffers;
using System.Globalization;
using System.Text;

namespace Interfuse.Inference.Tokenization;

/// <summary>A token that is found in the text as it is, before any word is encoded.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">Its text.</param>
/// <param name="Special">Whether it steers the model and is no part of an answer's text.</param>
/// <param name="SingleWord">Whether it counts only where no word character stands beside it.</param>
/// <param name="StripLeft">Whether it takes the white space before it along.</param>
/// <param name="StripRight">Whether it takes the white space after it along.</param>
/// <param name="Normalized">Whether it is looked for in the normalized text, not in the text as given.</param>
internal sealed record AddedToken(
    int Id, string Content, bool Special, bool SingleWord, bool StripLeft, bool StripRight, bool Normalized);

/// <summary>A part of a text: a token that was found in it, or the text between two of them.</summary>
internal readonly record struct AddedTokenPart(int Start, int End, AddedToken? Token);

/// <summary>Finds added tokens in a text: the leftmost first, of those that start together the longest.</summary>
internal sealed class AddedTokens
{
    private readonly Node _root = new();
    private readonly SearchValues<char> _firsts;

    /// <param name="tokens">The tokens, each with the text to look for.</param>
    public AddedTokens(IEnumerable<(string Content, AddedToken Token)> tokens)
    {
        foreach ((string content, AddedToken token) in tokens.Where(entry => entry.Content.Length > 0))
        {
            Node node = _root;
            foreach (char c in content)
            {
                node = node.Next.TryGetValue(c, out Node? next) ? next : node.Next[c] = new Node();
            }

            node.Token ??= token;
        }

        _firsts = SearchValues.Create([.. _root.Next.Keys]);
    }

    /// <summary>The text in order, cut at the tokens; no part is empty.</summary>
    public List<AddedTokenPart> Split(ReadOnlySpan<char> text)
    {
        var parts = new List<AddedTokenPart>();
        int done = 0;
        int position = 0;
        while (Find(text, ref position) is (AddedToken token, int matchEnd))
        {
            int start = position;
            position = matchEnd;
            if (start < done || (token.SingleWord && !StandsAlone(text, start, matchEnd)))
            {
                continue;
            }

            start = token.StripLeft ? Math.Max(done, text[..start].TrimEnd().Length) : start;
            int end = token.StripRight ? text.Length - text[matchEnd..].TrimStart().Length : matchEnd;
            if (done < start)
            {
                parts.Add(new AddedTokenPart(done, start, null));
            }

            parts.Add(new AddedTokenPart(start, end, token));
            done = end;
        }

        if (done < text.Length)
        {
            parts.Add(new AddedTokenPart(done, text.Length, null));
        }

        return parts;
    }

    /// <summary>Whether the expression <c>\w</c> of the patterns' language means this character.</summary>
    public static bool IsWordCharacter(Rune character) => Rune.GetUnicodeCategory(character)
        is <= UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation
        || StandIns.IsAlphabeticSymbol(character.Value);

    private (AddedToken Token, int End)? Find(ReadOnlySpan<char> text, ref int position)
    {
        while (true)
        {
            int skip = text[position..].IndexOfAny(_firsts);
            if (skip < 0)
            {
                return null;
            }

            position += skip;
            (AddedToken Token, int End)? longest = null;
            Node? node = _root;
            for (int i = position; i < text.Length && node.Next.TryGetValue(text[i], out node); i++)
            {
                longest = node.Token is null ? longest : (node.Token, i + 1);
            }

            if (longest is not null)
            {
                return longest;
            }

            position++;
        }
    }

    private static bool StandsAlone(ReadOnlySpan<char> text, int start, int end) =>
        !(Rune.DecodeLastFromUtf16(text[..start], out Rune before, out _) == OperationStatus.Done
            && IsWordCharacter(before))
        && !(Rune.DecodeFromUtf16(text[end..], out Rune after, out _) == OperationStatus.Done
            && IsWordCharacter(after));

    private sealed class Node
    {
        public Dictionary<char, Node> Next { get; } = [];

        public AddedToken? Token { get; set; }
    }
}
