using System.Text;
using System.Text.Json.Nodes;
using Interfuse.Inference.Tokenization;

namespace Interfuse.Inference.Tests.Tokenization;

public sealed class ByteLevelTests
{
    private static readonly JsonNode Llama3 = new JsonObject
    {
        ["type"] = "Sequence",
        ["pretokenizers"] = new JsonArray(
            new JsonObject
            {
                ["type"] = "Split",
                ["pattern"] = new JsonObject { ["Regex"] = TokenizerFolder.Llama3Words },
                ["behavior"] = "Isolated",
            },
            new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["use_regex"] = false }),
    };

    [Test]
    public void Words_are_cut_and_merged_as_by_hand()
    {
        Tokenizer tokenizer = TokenizerFolder.Load(TokenizerFolder.ByteLevel());

        Assert.That(tokenizer.Spell("hello world's  123"), Is.EqualTo("hello|Ġworld|'s|Ġ|Ġ|123"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Tokens_are_those_of_the_definition_and_give_the_text_back(bool llama3)
    {
        Tokenizer tokenizer = TokenizerFolder.Load(TokenizerFolder.ByteLevel(llama3 ? Llama3.DeepClone() : null));
        var random = new Random(7);
        for (int i = 0; i < 1500; i++)
        {
            string text = RandomText.Make(random);
            string expected = string.Join(
                '|',
                NaiveWords.Cut(text, llama3).SelectMany(word => NaiveBytePairs.Encode(
                    Encoding.UTF8.GetBytes(word).Select(value => ByteAlphabet.Character(value).ToString()),
                    TokenizerFolder.ByteLevelMerges)));

            Assert.That(tokenizer.Spell(text), Is.EqualTo(expected), text);
            Assert.That(tokenizer.Decode(tokenizer.Encode(text)), Is.EqualTo(text));
        }
    }

    [Test]
    public void A_long_word_costs_little()
    {
        Tokenizer tokenizer = TokenizerFolder.Load(TokenizerFolder.ByteLevel());

        // A quadratic merge of a million letters would take hours.
        int[] tokens = tokenizer.Encode(new string('a', 1 << 20));

        Assert.That(tokens, Has.Length.EqualTo(1 << 18));
        Assert.That(tokens, Is.All.EqualTo(tokenizer.TokenId("aaaa")));
    }

    [Test]
    public void A_lone_surrogate_counts_as_the_replacement_character()
    {
        Tokenizer tokenizer = TokenizerFolder.Load(TokenizerFolder.ByteLevel());

        Assert.That(tokenizer.Encode("a\uD800b"), Is.EqualTo(tokenizer.Encode("a\uFFFDb")));
        Assert.That(tokenizer.Encode("\uDC00\uD800"), Is.EqualTo(tokenizer.Encode("\uFFFD\uFFFD")));
    }

    [Test]
    public void A_word_that_is_a_token_is_that_token_where_merges_are_ignored()
    {
        JsonObject file = TokenizerFolder.ByteLevel();
        file["model"]!["vocab"]!["abc"] = 1000;
        Assert.That(TokenizerFolder.Load(file).Spell("abc"), Is.EqualTo("a|b|c"));

        file["model"]!["ignore_merges"] = true;
        Assert.That(TokenizerFolder.Load(file).Spell("abc"), Is.EqualTo("abc"));
    }

    [Test]
    public void A_prefix_space_is_added_once()
    {
        Tokenizer tokenizer = TokenizerFolder.Load(
            TokenizerFolder.ByteLevel(TokenizerFolder.Json("""{"type":"ByteLevel","add_prefix_space":true}""")));

        Assert.That(tokenizer.Spell("world"), Is.EqualTo("Ġworld"));
        Assert.That(tokenizer.Spell(" world"), Is.EqualTo("Ġworld"));
    }

    [Test]
    public void Merges_are_read_in_either_spelling()
    {
        JsonObject file = TokenizerFolder.ByteLevel();
        file["model"]!["merges"] = new JsonArray(
        [
            .. TokenizerFolder.ByteLevelMerges.Select(merge => new JsonArray(merge.Left, merge.Right)),
        ]);

        Assert.That(TokenizerFolder.Load(file).Spell("hello world"), Is.EqualTo("hello|Ġworld"));
    }

    [Test]
    public void Many_threads_get_the_same_tokens_from_one_tokenizer()
    {
        Tokenizer tokenizer = TokenizerFolder.Load(TokenizerFolder.ByteLevel());
        var random = new Random(11);
        string[] texts = [.. Enumerable.Range(0, 200).Select(_ => RandomText.Make(random))];
        int[][] expected = [.. texts.Select(text => TokenizerFolder.Load(TokenizerFolder.ByteLevel()).Encode(text))];

        int[][] found = [.. texts.AsParallel().AsOrdered().WithDegreeOfParallelism(8)
            .Select(text => tokenizer.Encode(text))];

        Assert.That(found, Is.EqualTo(expected));
    }
}
