using System.Text;
using System.Text.Json.Nodes;
using Interfuse.Inference.Tokenization;

namespace Interfuse.Inference.Tests.Tokenization;

public sealed class SentenceTests
{
    [Test]
    public void Spaces_are_visible_and_unknown_characters_are_bytes()
    {
        Tokenizer tokenizer = TokenizerFolder.Load(TokenizerFolder.Sentence());

        Assert.That(tokenizer.Spell("the hello ñ"), Is.EqualTo("▁the|▁|he|ll|o|▁|<0xC3>|<0xB1>"));
        Assert.That(tokenizer.Decode(tokenizer.Encode("the hello ñ")), Is.EqualTo("the hello ñ"));
        Assert.That(tokenizer.Encode(""), Is.Empty);
    }

    [Test]
    public void Tokens_are_those_of_the_definition_and_give_the_text_back()
    {
        Tokenizer tokenizer = TokenizerFolder.Load(TokenizerFolder.Sentence());
        var random = new Random(5);
        for (int i = 0; i < 1500; i++)
        {
            string text = RandomText.Make(random);
            IEnumerable<string> symbols = ("▁" + text.Replace(' ', '▁')).EnumerateRunes().SelectMany(
                rune => tokenizer.TokenId(rune.ToString()) is not null
                    ? [rune.ToString()]
                    : Encoding.UTF8.GetBytes(rune.ToString()).Select(value => $"<0x{value:X2}>"));

            Assert.That(
                tokenizer.Spell(text),
                Is.EqualTo(string.Join('|', NaiveBytePairs.Encode(symbols, TokenizerFolder.SentenceMerges))),
                text);
            Assert.That(tokenizer.Decode(tokenizer.Encode(text)), Is.EqualTo(text));
        }
    }

    [TestCase(true, "▁|a|<unk>|a")]
    [TestCase(false, "▁|a|<unk>|<unk>|a")]
    public void Without_bytes_unknown_characters_are_the_unknown_token(bool fuse, string expected)
    {
        JsonObject file = TokenizerFolder.Sentence();
        file["model"]!["byte_fallback"] = false;
        file["model"]!["fuse_unk"] = fuse;
        file["model"]!["merges"] = new JsonArray();

        Assert.That(TokenizerFolder.Load(file).Spell("añ😀a"), Is.EqualTo(expected));
    }

    [TestCase("always", "▁a|x|▁a")]
    [TestCase("first", "▁a|x|a")]
    [TestCase("never", "a|x|a")]
    public void A_visible_space_is_put_in_front_as_the_scheme_says(string scheme, string expected)
    {
        JsonObject file = TokenizerFolder.Sentence();
        file["normalizer"] = null;
        file["pre_tokenizer"] = TokenizerFolder.Json(
            $$"""{"type":"Metaspace","replacement":"▁","prepend_scheme":"{{scheme}}","split":true}""");
        TokenizerFolder.Add(file, (int)file["model"]!["vocab"]!["x"]!, "x", "special");

        Assert.That(TokenizerFolder.Load(file).Spell("axa"), Is.EqualTo(expected));
    }

    [TestCase("true", " the the", "the the")]
    [TestCase("false", "▁the", " the")]
    public void Metaspace_of_the_older_spelling_works_both_ways(string addPrefixSpace, string text, string decoded)
    {
        JsonObject file = TokenizerFolder.Sentence();
        file["normalizer"] = null;
        file["pre_tokenizer"] = TokenizerFolder.Json(
            $$"""{"type":"Metaspace","replacement":"▁","add_prefix_space":{{addPrefixSpace}}}""");
        file["decoder"] = file["pre_tokenizer"]!.DeepClone();
        Tokenizer tokenizer = TokenizerFolder.Load(file);

        Assert.That(tokenizer.Spell(text).Split('|'), Is.All.EqualTo("▁the"));
        Assert.That(tokenizer.Decode(tokenizer.Encode(text)), Is.EqualTo(decoded));
    }
}
