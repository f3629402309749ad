using System.Text.Json;
using Interfuse.Inference.Tokenization;
using Interfuse.Testing;

namespace Interfuse.Inference.Tests.Tokenization;

public sealed class RealTokenizerTests
{
    private const string Variable = "INTERFUSE_TOKENIZERS";

    [TestCase("base")]
    [TestCase("add")]
    [TestCase("cipher")]
    public void Prompts_of_the_tiny_experts_have_the_reference_tokens(string model)
    {
        var tokenizer = Tokenizer.Load(Repository.PathOf("examples", "tiny-experts", model));
        using var expected = JsonDocument.Parse(
            File.ReadAllBytes(Repository.PathOf("examples", "tiny-experts", "expected.json")));
        JsonElement[] prompts = [.. expected.RootElement.GetProperty("reference").GetProperty(model).EnumerateArray()];

        Assert.That(prompts, Is.Not.Empty);
        Assert.That(tokenizer.VocabularySize, Is.EqualTo(259));
        Assert.That(tokenizer.BeginOfText, Is.EqualTo(256));
        Assert.That(tokenizer.EndOfText, Is.EqualTo(Enumerable.Repeat(257, 1)));
        foreach (JsonElement prompt in prompts)
        {
            string text = prompt.GetProperty("prompt").GetString()!;
            int[] ids = [.. prompt.GetProperty("token_ids").EnumerateArray().Select(id => id.GetInt32())];

            Assert.That(tokenizer.Encode(text), Is.EqualTo(ids));
            Assert.That(tokenizer.Decode(ids), Is.EqualTo(text));
        }
    }

    // Ids that the publishers' own documentation and test suites give for these texts.
    [TestCase("gpt2", "Hello world", new[] { 15496, 995 })]
    [TestCase("llama2", "Hello world", new[] { 15043, 3186 })]
    [TestCase("mistral", "Hello world", new[] { 22557, 1526 })]
    [TestCase("llama3", "Hello world!", new[] { 9906, 1917, 0 })]
    [TestCase("qwen2", "Hello world", new[] { 9707, 1879 })]
    public void Published_tokens_are_found(string model, string text, int[] expected) =>
        Assert.That(Tokenizer.Load(RealOne(model)).Encode(text, addSpecialTokens: false), Is.EqualTo(expected));

    // vectors.jsonl beside a tokenizer: lines {"text": ..., "ids": [...]}, without added tokens.
    [TestCase("gpt2")]
    [TestCase("llama2")]
    [TestCase("mistral")]
    [TestCase("llama3")]
    [TestCase("qwen2")]
    public void Vectors_beside_a_tokenizer_agree(string model)
    {
        string folder = RealOne(model);
        string vectors = Path.Combine(folder, "vectors.jsonl");
        if (!File.Exists(vectors))
        {
            Assert.Ignore($"there is no {vectors}");
        }

        var tokenizer = Tokenizer.Load(folder);
        foreach (string line in File.ReadLines(vectors))
        {
            using var vector = JsonDocument.Parse(line);
            int[] ids = [.. vector.RootElement.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];

            Assert.That(
                tokenizer.Encode(vector.RootElement.GetProperty("text").GetString()!, addSpecialTokens: false),
                Is.EqualTo(ids),
                line);
        }
    }

    private static string RealOne(string model)
    {
        string? folder = Environment.GetEnvironmentVariable(Variable);
        string path = Path.Combine(folder ?? "", model);
        if (folder is null || !Directory.Exists(path))
        {
            Assert.Ignore($"{Variable} names no folder that has the tokenizer of {model} in '{model}'");
        }

        return path;
    }
}
