using System.Collections.Frozen;

namespace Interfuse.Checkpoints;

// Which files of a model directory are what, by their names.
public sealed partial class Checkpoint
{
    private static readonly FrozenSet<string> ForeignWeightExtensions = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".ggml", ".onnx", ".onnx_data", ".h5", ".msgpack", ".npz", ".tflite",
        ".ot", ".mlmodel", ".nemo", ".distcp");

    // Made anew for each model, or a record of how an earlier one was made.
    private static readonly FrozenSet<string> NotSideFiles = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "config.json", "README.md", "mergekit_config.yml", "interfuse_recipe.yml", "greedy_soup.json", "search.json");

    private static readonly FrozenSet<string> TokenizerFiles = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "added_tokens.json", "special_tokens_map.json", "vocab.json", "vocab.txt", "vocab.bpe", "merges.txt",
        "spiece.model", "sentencepiece.bpe.model", "source.spm", "target.spm", "tekken.json", "normalizer.json");

    /// <summary>
    /// Whether a side file belongs to the tokenizer: its vocabulary, its settings, its code or the chat template.
    /// </summary>
    /// <param name="fileName">A file name without folders.</param>
    public static bool IsTokenizerFile(string fileName)
    {
        ArgumentNullException.ThrowIfNull(fileName);
        return TokenizerFiles.Contains(fileName)
            || StartsWith("tokenizer.")
            || StartsWith("tokenizer_config.")
            || StartsWith("tokenization_")
            || StartsWith("chat_template.")
            || fileName.EndsWith(".tiktoken", StringComparison.OrdinalIgnoreCase);

        bool StartsWith(string prefix) => fileName.StartsWith(prefix, StringComparison.OrdinalIgnoreCase);
    }

    private static string[] FindSideFiles(string directory) =>
    [
        .. Directory.EnumerateFiles(directory)
            .Select(file => System.IO.Path.GetFileName(file))
            .Where(IsSideFile)
            .Order(StringComparer.Ordinal),
    ];

    private static bool IsForeignWeightFile(string name) =>
        ForeignWeightExtensions.Contains(System.IO.Path.GetExtension(name));

    private static bool IsSideFile(string name) =>
        name[0] != '.'
        && !NotSideFiles.Contains(name)
        && !IsForeignWeightFile(name)
        && !name.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)
        && !name.EndsWith(".index.json", StringComparison.OrdinalIgnoreCase);
}
