using System.Text.Json;
using Interfuse.Checkpoints;
using Interfuse.Inference.Tokenization;

namespace Interfuse.Inference.Tests.Tokenization;

public sealed class PreTokenizerTests
{
    private static readonly TokenizerSettings Settings = new("tokenizer.json");

    [TestCase("Removed", "the|final|countdown")]
    [TestCase("Isolated", "the|-|final|-|-|countdown")]
    [TestCase("MergedWithPrevious", "the-|final-|-|countdown")]
    [TestCase("MergedWithNext", "the|-final|-|-countdown")]
    [TestCase("Contiguous", "the|-|final|--|countdown")]
    public void A_split_treats_delimiters_as_its_behavior_says(string behavior, string expected) =>
        Assert.That(
            Split($$$"""{"type":"Split","pattern":{"String":"-"},"behavior":"{{{behavior}}}"}""", "the-final--countdown"),
            Is.EqualTo(expected));

    [TestCase("""{"type":"Split","pattern":{"Regex":"\\w+"},"behavior":"Removed","invert":true}""", "a bé, c", "a|bé|c")]
    [TestCase("""{"type":"Split","pattern":{"Regex":"(?=b)"},"behavior":"Isolated"}""", "abab", "a|ba|b")]
    [TestCase("""{"type":"Digits","individual_digits":true}""", "a12𝟘b", "a|1|2|𝟘|b")]
    [TestCase("""{"type":"Digits"}""", "a12𝟘b", "a|12𝟘|b")]
    [TestCase("""{"type":"Whitespace"}""", "hi, you.. 𝐀b", "hi|,|you|..|𝐀b")]
    [TestCase("""{"type":"WhitespaceSplit"}""", " hi,\u3000you ", "hi,|you")]
    [TestCase("""{"type":"Punctuation"}""", "a$b,,c", "a|$|b|,|,|c")]
    [TestCase("""{"type":"Punctuation","behavior":"Contiguous"}""", "a$,c", "a|$,|c")]
    [TestCase("""{"type":"Metaspace"}""", "a b  c", "▁a|▁b|▁|▁c")]
    [TestCase("""{"type":"Metaspace","split":false}""", "a b", "▁a▁b")]
    [TestCase("""{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Digits"}]}""", "a1 b2", "a|1|b|2")]
    [TestCase("""{"type":"ByteLevel","add_prefix_space":false}""", "a b\n c", "a|Ġb|Ċ|Ġc")]
    public void Words_are_cut_where_they_should_be(string settings, string text, string expected) =>
        Assert.That(Split(settings, text), Is.EqualTo(expected));

    // Characters outside the basic plane count by their category, one by one.
    [TestCase(@"\p{L}+", "a𝐀𠀀b😀c", "a𝐀𠀀b|c")]
    [TestCase(@"\p{Lu}", "𝐀𝐚", "𝐀")]
    [TestCase(@"[^\p{L}\s]", "𝐀😀 😀", "😀|😀")]
    [TestCase(@"\p{N}{1,3}", "𝟘𝟙𝟚𝟛", "𝟘𝟙𝟚|𝟛")]
    [TestCase(@"\P{L}+", "a😀𝟘b", "😀𝟘")]
    [TestCase("😀?", "ab", null)]
    [TestCase(@".", "😀a", "😀|a")]
    [TestCase(@"[ -\uD7FF\uE000-\uFFFD]+", "a😀b", null)]
    [TestCase(@"[一-龥]+", "漢字𠀀漢", "漢字|漢")]
    [TestCase(@"(?i:'s|k)", "'S 'ſ \u212A k", "'S|'ſ|\u212A|k")]
    [TestCase(@"(?i)[a-z]+", "aſ1", "aſ")]
    [TestCase(@"[^\r\n\p{L}]?+\p{L}+", " ab", " ab")]
    [TestCase(@"a{,2}b", "aaab", "aab")]
    [TestCase(@"\p{^L}", "a1", "1")]
    [TestCase(@"\x{61}\x62\u0063", "abc", "abc")]
    [TestCase(@"^b$", "a\nb\nc", "b")]
    [TestCase(@"\w+\b", "aⅧ\u0903b Ⓐ🄰.", "aⅧ\u0903b|Ⓐ🄰")]
    [TestCase(@"(?<=a)b(?!c)", "abc ab", "b")]
    public void Patterns_mean_what_Oniguruma_means_by_them(string pattern, string text, string? expected)
    {
        if (expected is null)
        {
            Assert.That(() => Find(pattern, text), Throws.InstanceOf<CheckpointFormatException>());
        }
        else
        {
            Assert.That(Find(pattern, text), Is.EqualTo(expected));
        }
    }

    [TestCase("[a[bc]]")]
    [TestCase("[a&&b]")]
    [TestCase("[[:alpha:]]")]
    [TestCase(@"\p{Han}")]
    [TestCase(@"\h")]
    [TestCase(@"(a)\1")]
    [TestCase("(?m:a)")]
    [TestCase("a{2}+")]
    [TestCase("a{2}?")]
    [TestCase("a**")]
    [TestCase("(a")]
    [TestCase("a)")]
    [TestCase("[a")]
    [TestCase("a\\")]
    [TestCase("[b-a]")]
    [TestCase("*a")]
    public void A_pattern_that_would_mean_something_else_here_is_refused(string pattern) =>
        Assert.That(
            () => Find(pattern, "a"),
            Throws.InstanceOf<CheckpointFormatException>().With.Message.Contains($"the pattern '{pattern}'"));

    private static string Split(string settings, string text)
    {
        using var document = JsonDocument.Parse(settings);
        var pieces = new List<Piece>();
        PreTokenizer.Read(document.RootElement, Settings)!.Split(new Piece(text.AsMemory(), true), pieces);
        return string.Join('|', pieces.Select(piece => piece.Text.ToString()));
    }

    private static string Find(string pattern, string text)
    {
        var matches = new List<(int Start, int End)>();
        TextPattern.Expression(pattern, Settings).Find(text, matches);
        return string.Join('|', matches.Select(match => text[match.Start..match.End]));
    }
}
