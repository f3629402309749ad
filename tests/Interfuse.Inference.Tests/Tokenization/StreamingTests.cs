using System.Text;
using System.Text.Json.Nodes;
using Interfuse.Inference.Tokenization;

namespace Interfuse.Inference.Tests.Tokenization;

public sealed class StreamingTests
{
    [TestCase(false)]
    [TestCase(true)]
    public void Half_a_character_waits_for_its_other_half(bool sentence)
    {
        Tokenizer tokenizer = TokenizerFolder.Load(
            sentence ? TokenizerFolder.Sentence() : TokenizerFolder.ByteLevel());
        StreamingDecoder stream = tokenizer.StartDecoding();
        int[] bytes = [.. Encoding.UTF8.GetBytes("😀").Select(value => tokenizer.TokenId(
            sentence ? $"<0x{value:X2}>" : ByteAlphabet.Character(value).ToString())!.Value)];

        Assert.That(bytes[..3].Select(stream.Append), Is.All.Empty);
        Assert.That(stream.Append(bytes[3]), Is.EqualTo("😀"));
        Assert.That(stream.Append(bytes[0]), Is.Empty);
        Assert.That(stream.Finish(), Is.EqualTo("\uFFFD"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void The_parts_of_any_tokens_are_the_whole_and_no_part_ends_within_a_character(bool sentence)
    {
        JsonObject file = sentence ? TokenizerFolder.Sentence() : TokenizerFolder.ByteLevel();
        TokenizerFolder.Add(file, 900, "<end>", "special");
        Tokenizer tokenizer = TokenizerFolder.Load(file);
        var random = new Random(3);
        for (int i = 0; i < 2000; i++)
        {
            int[] tokens = [.. Enumerable.Range(0, random.Next(20)).Select(_ => random.Next(10) == 0
                ? 900
                : random.Next(tokenizer.VocabularySize))];
            StreamingDecoder stream = tokenizer.StartDecoding(skipSpecialTokens: i % 2 == 0);
            List<string> parts = [.. tokens.Select(stream.Append), stream.Finish()];

            Assert.That(string.Concat(parts), Is.EqualTo(tokenizer.Decode(tokens, i % 2 == 0)));
            Assert.That(parts.Where(part => part.Length > 0).Select(part => char.IsHighSurrogate(part[^1])), Is.All.False);
        }
    }

    [TestCase(false)]
    [TestCase(true)]
    public void The_bytes_of_tokens_are_those_of_their_text(bool sentence)
    {
        JsonObject file = sentence ? TokenizerFolder.Sentence() : TokenizerFolder.ByteLevel();
        TokenizerFolder.Add(file, 900, "<end>", "special");
        Tokenizer tokenizer = TokenizerFolder.Load(file);
        foreach (string text in new[] { "a bc  d", "é€😀", "�", "" })
        {
            int[] tokens = tokenizer.Encode(text, addSpecialTokens: false);
            string together = Encoding.UTF8.GetString([.. tokens.SelectMany(tokenizer.TokenBytes)]);

            // The space in front of a sentence is a token's own, and only the text as a whole is without it.
            Assert.That(sentence && text.Length > 0 ? together[1..] : together, Is.EqualTo(text));
        }

        Assert.That(tokenizer.TokenBytes(900), Is.EqualTo("<end>"u8.ToArray()));
        Assert.That(tokenizer.TokenBytes(5000), Is.Empty);
    }

    [Test]
    public void Bytes_that_are_no_characters_are_replaced_and_those_around_them_stay()
    {
        Tokenizer tokenizer = TokenizerFolder.Load(TokenizerFolder.Sentence());
        int[] tokens = [.. new byte[] { 0xC3, 0xA9, 0xE2, 0x82, 0x41, 0xFF }.Select(
            value => tokenizer.TokenId($"<0x{value:X2}>")!.Value)];

        Assert.That(tokenizer.Decode(tokens), Is.EqualTo("é\uFFFD\uFFFDA\uFFFD"));
    }

    [Test]
    public void The_first_space_alone_is_dropped()
    {
        Tokenizer tokenizer = TokenizerFolder.Load(TokenizerFolder.Sentence());
        int space = tokenizer.TokenId("▁▁")!.Value;
        int letter = tokenizer.TokenId("a")!.Value;

        Assert.That(tokenizer.Decode([space, space, letter, space]), Is.EqualTo("   a  "));
    }

    [Test]
    public void An_id_without_a_token_has_no_text_and_one_that_can_be_none_is_refused()
    {
        Tokenizer tokenizer = TokenizerFolder.Load(TokenizerFolder.ByteLevel());

        Assert.That(tokenizer.Decode([tokenizer.VocabularySize, tokenizer.VocabularySize + 100]), Is.Empty);
        Assert.That(() => tokenizer.Decode([-1]), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => tokenizer.Decode([1 << 24]), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }
}
