using System.Text.Json.Nodes;
using Interfuse.Inference.Tokenization;

namespace Interfuse.Inference.Tests.Tokenization;

public sealed class AddedTokenTests
{
    [Test]
    public void Added_tokens_are_found_the_longest_first_and_never_cut()
    {
        Tokenizer tokenizer = Load(("<s>", []), ("<s>s", []), ("<", []));

        Assert.That(tokenizer.Spell("a<s><s>s<b"), Is.EqualTo("a|<s>|<s>s|<|b"));
    }

    [Test]
    public void A_single_word_has_no_word_beside_it()
    {
        Tokenizer tokenizer = Load(("xy", ["single_word"]));

        Assert.That(tokenizer.Spell("xy xyz 𝐀xy (xy)").Split('|').Count(token => token == "xy"), Is.EqualTo(2));
    }

    [Test]
    public void White_space_goes_with_a_token_that_strips_it()
    {
        Assert.That(Load(("<s>", ["lstrip"])).Spell("a \n<s> b"), Is.EqualTo("a|<s>|Ġ|b"));
        Assert.That(Load(("<s>", ["rstrip"])).Spell("a <s>\u3000 b"), Is.EqualTo("a|Ġ|<s>|b"));
        Assert.That(Load(("<s>", ["lstrip", "rstrip"])).Spell(" <s> <s> "), Is.EqualTo("<s>|<s>"));
    }

    [Test]
    public void A_normalized_token_is_found_in_the_normalized_text_only()
    {
        JsonNode lowercase = TokenizerFolder.Json("""{"type":"Lowercase"}""");
        JsonObject file = TokenizerFolder.ByteLevel(normalizer: lowercase);
        TokenizerFolder.Add(file, 900, "ABC", "normalized");
        TokenizerFolder.Add(file, 901, "XYZ");
        Tokenizer tokenizer = TokenizerFolder.Load(file);

        Assert.That(tokenizer.Spell("aBcxyzXYZ"), Is.EqualTo("ABC|x|y|z|XYZ"));
    }

    [Test]
    public void Special_tokens_are_left_out_of_the_text_and_others_are_not()
    {
        Tokenizer tokenizer = Load(("<s>", ["special"]), ("<think>", []));
        int[] tokens = tokenizer.Encode("<s>a<think>b");

        Assert.That(tokenizer.Decode(tokens), Is.EqualTo("a<think>b"));
        Assert.That(tokenizer.Decode(tokens, skipSpecialTokens: false), Is.EqualTo("<s>a<think>b"));
        Assert.That(tokenizer.IsSpecial(tokenizer.TokenId("<s>")!.Value), Is.True);
    }

    [Test]
    public void A_template_puts_tokens_around_the_text_if_asked()
    {
        JsonObject file = TokenizerFolder.ByteLevel();
        TokenizerFolder.Add(file, 900, "<s>", "special");
        file["post_processor"] = TokenizerFolder.Json("""
            {"type":"Sequence","processors":[{"type":"ByteLevel"},{"type":"TemplateProcessing",
             "single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
                       {"SpecialToken":{"id":"<s>","type_id":0}}],
             "special_tokens":{"<s>":{"id":"<s>","ids":[900],"tokens":["<s>"]}}}]}
            """);
        Tokenizer tokenizer = TokenizerFolder.Load(file);

        Assert.That(tokenizer.Encode("a"), Is.EqualTo(new[] { 900, tokenizer.TokenId("a"), 900 }));
        Assert.That(tokenizer.Encode("a", addSpecialTokens: false), Is.EqualTo(new[] { tokenizer.TokenId("a") }));
    }

    [Test]
    public void The_flags_of_a_Llama_tokenizer_decide_over_the_template()
    {
        JsonObject file = TokenizerFolder.ByteLevel();
        TokenizerFolder.Add(file, 900, "<s>", "special");
        TokenizerFolder.Add(file, 901, "</s>", "special");
        Tokenizer tokenizer = TokenizerFolder.Load(
            file,
            ("tokenizer_config.json", """
                {"tokenizer_class":"LlamaTokenizer","bos_token":{"content":"<s>"},"eos_token":"</s>",
                 "add_bos_token":true,"add_eos_token":false}
                """));

        Assert.That(tokenizer.Encode("a"), Is.EqualTo(new[] { 900, tokenizer.TokenId("a") }));
        Assert.That(tokenizer.BeginOfText, Is.EqualTo(900));
    }

    [Test]
    public void A_generation_ends_at_the_models_tokens_and_the_tokenizers_own()
    {
        JsonObject file = TokenizerFolder.ByteLevel();
        TokenizerFolder.Add(file, 900, "</s>", "special");

        Assert.That(
            TokenizerFolder.Load(
                file,
                ("special_tokens_map.json", """{"eos_token":"</s>"}"""),
                ("generation_config.json", """{"eos_token_id":[7,8]}"""),
                ("config.json", """{"eos_token_id":9}""")).EndOfText,
            Is.EqualTo(Enumerable.Concat([7, 8], [900])));
        Assert.That(
            TokenizerFolder.Load(file, ("config.json", """{"eos_token_id":9}""")).EndOfText, Is.EqualTo(Enumerable.Repeat(9, 1)));
    }

    private static Tokenizer Load(params (string Content, string[] Flags)[] tokens)
    {
        JsonObject file = TokenizerFolder.ByteLevel();
        foreach ((string content, string[] flags) in tokens)
        {
            int id = (int?)file["model"]!["vocab"]![content] ?? 900 + file["added_tokens"]!.AsArray().Count;
            TokenizerFolder.Add(file, id, content, flags);
        }

        return TokenizerFolder.Load(file);
    }
}
