using System.Text.Json.Nodes;
using Interfuse.Checkpoints;
using Interfuse.Inference.Tokenization;
using Interfuse.Testing;
using NUnit.Framework.Constraints;

namespace Interfuse.Inference.Tests.Tokenization;

public sealed class BadTokenizerTests
{
    [Test]
    public void A_missing_file_is_named()
    {
        using var folder = new TempFolder();

        Assert.That(() => Tokenizer.Load(folder.Path), Fault("tokenizer.json: does not exist"));
    }

    [TestCase("""{"model":{"type":"Unigram","vocab":[]}}""", "has a model of type 'Unigram'")]
    [TestCase("""{"model":{"type":"WordPiece","vocab":{"a":0}}}""", "has a model of type 'WordPiece'")]
    [TestCase("""{"model":{"type":"BPE"}}""", "has no vocabulary")]
    [TestCase("""{"model":{"type":"BPE","vocab":{},"merges":[]}}""", "has no vocabulary")]
    [TestCase("""{"version":"1.0"}""", "has no model")]
    [TestCase("""{"model":{"vocab":{"a":0,"b":0},"merges":[]}}""", "the id 0 to the tokens 'a' and 'b'")]
    [TestCase("""{"model":{"vocab":{"a":0,"a":1},"merges":[]}}""", "lists the token 'a' twice")]
    [TestCase("""{"model":{"vocab":{"a":-1},"merges":[]}}""", "has the id -1")]
    [TestCase("""{"model":{"vocab":{"a":16777216},"merges":[]}}""", "has the id 16777216")]
    [TestCase("""{"model":{"vocab":{"a":1.5},"merges":[]}}""", "has the id 1.5")]
    [TestCase("""{"model":{"vocab":{"a":"x"},"merges":[]}}""", "has the id \"x\"")]
    [TestCase("""{"model":{"vocab":{"a":0},"merges":["a b"]}}""", "merge 0 joins 'b', which is not in the vocabulary")]
    [TestCase("""{"model":{"vocab":{"a":0},"merges":["a a"]}}""", "merge 0 makes 'aa', which is not in the vocabulary")]
    [TestCase("""{"model":{"vocab":{"a":0},"merges":["a"]}}""", "merge 0 is not two tokens")]
    [TestCase("""{"model":{"vocab":{"a":0},"merges":[["a"]]}}""", "merge 0 is not two tokens")]
    [TestCase("""{"model":{"vocab":{"a":0},"merges":[],"unk_token":"u"}}""", "'u' as the unknown token")]
    [TestCase("""{"model":{"vocab":{"a":0},"merges":[],"dropout":0.1}}""", "sets 'dropout'")]
    [TestCase("""{"model":{"vocab":{"a":0},"merges":[],"end_of_word_suffix":"</w>"}}""", "sets 'end_of_word_suffix'")]
    [TestCase("""{"model":{"vocab":{"a":0}}}""", "has no list 'merges'")]
    [TestCase("""{"model":{"vocab":{"a\ud800":0},"merges":[]}}""", "is not valid JSON")]
    [TestCase("[]", "is not a JSON object")]
    [TestCase("{", "is not valid JSON")]
    public void A_broken_model_is_an_error_that_says_what_is_wrong(string json, string message)
    {
        using var folder = new TempFolder();
        folder.Write("tokenizer.json", json);

        Assert.That(() => Tokenizer.Load(folder.Path), Fault(message));
    }

    [TestCase("normalizer", """{"type":"Precompiled"}""", "the normalizer 'Precompiled'")]
    [TestCase("pre_tokenizer", """{"type":"UnicodeScripts"}""", "the pre-tokenizer 'UnicodeScripts'")]
    [TestCase("pre_tokenizer", """{"type":"Split","pattern":{"String":"a"},"behavior":"removed"}""", "'removed'")]
    [TestCase("pre_tokenizer", """{"type":"Split","behavior":"Removed"}""", "has no 'pattern'")]
    [TestCase("pre_tokenizer", """{"type":"Metaspace","prepend_scheme":"often"}""", "'often'")]
    [TestCase("post_processor", """{"type":"Other"}""", "the post-processor 'Other'")]
    [TestCase("post_processor", """{"type":"TemplateProcessing","single":[]}""", "has 0 texts")]
    [TestCase("post_processor", """{"type":"BertProcessing","cls":["a",9999],"sep":["b",9999]}""", "the token 9999")]
    [TestCase("decoder", """{"type":"CTC"}""", "the decoder 'CTC'")]
    [TestCase("decoder", """{"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"ByteFallback"}]}""", "after the")]
    [TestCase("added_tokens", """[{"id":0,"content":"zz"}]""", "the id 0 to the tokens")]
    [TestCase("added_tokens", """[{"id":900,"content":"a"}]""", "gives the token 'a' two ids")]
    [TestCase("added_tokens", """[{"id":-4,"content":"zz"}]""", "has the id -4")]
    [TestCase("added_tokens", """[{"content":"zz"}]""", "added token 0 has no id")]
    public void A_broken_or_unknown_part_is_named(string key, string value, string message)
    {
        JsonObject file = TokenizerFolder.ByteLevel();
        file[key] = TokenizerFolder.Json(value);

        Assert.That(() => TokenizerFolder.Load(file), Fault(message));
    }

    [Test]
    public void A_file_that_is_not_UTF8_is_refused()
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["tokenizer.json"], [.. "{\"model\":{\"merges\":[],\"vocab\":{\""u8, 0xFF, .. "\":0}}}"u8]);

        Assert.That(() => Tokenizer.Load(folder.Path), Fault("is not valid JSON"));
    }

    [Test]
    public void A_special_token_that_does_not_exist_is_an_error()
    {
        (string, string) config = ("tokenizer_config.json", """{"bos_token":"<none>"}""");

        Assert.That(() => TokenizerFolder.Load(TokenizerFolder.ByteLevel(), config), Fault("has no token '<none>'"));
    }

    [Test]
    public void A_pattern_that_searches_without_end_is_stopped()
    {
        JsonNode hostile = TokenizerFolder.Json(
            """{"type":"Split","pattern":{"Regex":"(?!x)(?:a|aa)+c"},"behavior":"Isolated"}""");
        Tokenizer tokenizer = TokenizerFolder.Load(TokenizerFolder.ByteLevel(hostile));

        Assert.That(() => tokenizer.Encode(new string('a', 60) + "bc"), Fault("was still searching"));
    }

    private static ContainsConstraint Fault(string message) =>
        Throws.InstanceOf<CheckpointFormatException>().With.Message.Contains(message);
}
