using System.Text.Json.Nodes;
using Interfuse.Inference.Tokenization;
using Interfuse.Testing;

namespace Interfuse.Inference.Tests.Tokenization;

/// <summary>Model directories with small tokenizers, made by hand.</summary>
internal static class TokenizerFolder
{
    /// <summary>The pattern of Llama 3; without the bound on digits it is Qwen's.</summary>
    public const string Llama3Words = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| "
        + @"?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public static readonly (string Left, string Right)[] ByteLevelMerges =
    [
        ("h", "e"), ("l", "l"), ("he", "ll"), ("Ġ", "w"), ("hell", "o"), ("o", "r"), ("Ġw", "or"), ("l", "d"),
        ("Ġwor", "ld"), ("'", "s"), ("Ġ", "Ġ"), ("ĠĠ", "ĠĠ"), ("1", "2"), ("12", "3"), ("ð", "Ł"), ("ðŁ", "ĺ"),
        ("ã", "ģ"), ("Ã", "©"), ("e", "l"), ("l", "o"), ("lo", "w"), ("a", "a"), ("aa", "aa"), ("ĠĠ", "Ġ"),
    ];

    public static readonly (string Left, string Right)[] SentenceMerges =
    [
        ("▁", "t"), ("h", "e"), ("▁t", "he"), ("i", "n"), ("▁", "a"), ("r", "e"), ("▁", "▁"), ("▁▁", "▁▁"),
        ("▁", "h"), ("l", "l"), ("▁h", "e"), ("▁he", "ll"), ("▁hell", "o"), ("l", "o"), ("é", "e"), ("a", "a"),
    ];

    /// <summary>A byte-level <c>tokenizer.json</c>: every byte, the merges, and one special token after them.</summary>
    public static JsonObject ByteLevel(JsonNode? preTokenizer = null, JsonNode? normalizer = null)
    {
        IEnumerable<string> tokens = Enumerable.Range(0, 256)
            .Select(value => ByteAlphabet.Character((byte)value).ToString())
            .Concat(ByteLevelMerges.Select(merge => merge.Left + merge.Right));
        JsonObject file = File(tokens, ByteLevelMerges);
        file["normalizer"] = normalizer;
        file["pre_tokenizer"] = preTokenizer ?? Json("""{"type":"ByteLevel","add_prefix_space":false}""");
        file["decoder"] = Json("""{"type":"ByteLevel"}""");
        return file;
    }

    /// <summary>A <c>tokenizer.json</c> as Llama 2 has it: no pre-tokenizer, bytes for what is unknown.</summary>
    public static JsonObject Sentence()
    {
        IEnumerable<string> tokens = Enumerable.Range(0, 256).Select(value => $"<0x{value:X2}>").Prepend("<unk>")
            .Concat("▁abcdefghijklmnopqrstuvwxyzé.".Select(c => c.ToString()))
            .Concat(SentenceMerges.Select(merge => merge.Left + merge.Right));
        JsonObject file = File(tokens, SentenceMerges);
        file["model"]!["unk_token"] = "<unk>";
        file["model"]!["fuse_unk"] = true;
        file["model"]!["byte_fallback"] = true;
        file["normalizer"] = Json("""
            {"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},
             {"type":"Replace","pattern":{"String":" "},"content":"▁"}]}
            """);
        file["decoder"] = Json("""
            {"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},
             {"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}
            """);
        return file;
    }

    public static JsonNode Json(string text) => JsonNode.Parse(text)!;

    /// <summary>An added token; <paramref name="flags"/> names those of its flags that are true.</summary>
    public static void Add(JsonObject file, int id, string content, params string[] flags)
    {
        var token = new JsonObject { ["id"] = id, ["content"] = content };
        foreach (string flag in new[] { "special", "single_word", "lstrip", "rstrip", "normalized" })
        {
            token[flag] = flags.Contains(flag);
        }

        file["added_tokens"]!.AsArray().Add((JsonNode)token);
    }

    public static Tokenizer Load(JsonObject file, params (string Name, string Text)[] others)
    {
        using var folder = new TempFolder();
        folder.Write("tokenizer.json", file.ToJsonString());
        foreach ((string name, string text) in others)
        {
            folder.Write(name, text);
        }

        return Tokenizer.Load(folder.Path);
    }

    /// <summary>The tokens' spellings, with bars between them: easier to read than their ids.</summary>
    public static string Spell(this Tokenizer tokenizer, string text) =>
        string.Join('|', tokenizer.Encode(text, addSpecialTokens: false).Select(tokenizer.IdToToken));

    private static JsonObject File(IEnumerable<string> tokens, (string Left, string Right)[] merges)
    {
        var vocabulary = new JsonObject();
        foreach (string token in tokens)
        {
            vocabulary.TryAdd(token, vocabulary.Count);
        }

        return new JsonObject
        {
            ["added_tokens"] = new JsonArray(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray([.. merges.Select(merge => (JsonNode)$"{merge.Left} {merge.Right}")]),
            },
        };
    }
}
