using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Interfuse.Checkpoints;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>Models that look like fine-tunes of one base, and recipes for them.</summary>
internal static class SmallModels
{
    public const string Config = """
        {
          "architectures": ["LlamaForCausalLM"],
          "model_type": "llama",
          "num_hidden_layers": 2,
          "vocab_size": 16,
          "tie_word_embeddings": true,
          "torch_dtype": "bfloat16"
        }
        """;

    public const string Linear = """
        merge_method: linear
        models:
        - {model: ./expert1, parameters: {weight: 0.25}}
        - {model: ./expert2, parameters: {weight: 0.75}}
        dtype: bfloat16
        """;

    public const string Slerp = """
        merge_method: slerp
        base_model: ./expert1
        models:
        - model: ./expert1
        - model: ./expert2
        parameters: {t: 0.3}
        dtype: bfloat16
        """;

    public const string Ties = """
        merge_method: ties
        base_model: ./base
        models:
        - model: ./expert1
        - model: ./expert2
        parameters: {weight: 1, density: 0.4}
        dtype: bfloat16
        """;

    public const string DareTies = """
        merge_method: dare_ties
        base_model: ./base
        models:
        - model: ./expert1
        - model: ./expert2
        parameters: {weight: 0.6, density: 0.5}
        dtype: bfloat16
        """;

    /// <summary>The tensors of a tiny model with two layers.</summary>
    public static List<(TensorSpec Spec, byte[] Data)> Tensors(int seed) =>
    [
        BFloat16(seed, "model.embed_tokens.weight", 16, 8),
        BFloat16(seed, "model.layers.0.mlp.up_proj.weight", 8, 8),
        BFloat16(seed, "model.layers.1.mlp.up_proj.weight", 8, 8),
        BFloat16(seed, "model.norm.weight", 8),
    ];

    /// <summary>Writes <c>base</c>, <c>expert1</c> and <c>expert2</c> into a folder.</summary>
    public static void WriteThree(TempFolder folder, Func<int, List<(TensorSpec Spec, byte[] Data)>>? tensors = null)
    {
        tensors ??= Tensors;
        ModelFolder.Write(folder["base"], tensors(0), config: Config);
        ModelFolder.Write(folder["expert1"], tensors(1), config: Config);
        ModelFolder.Write(folder["expert2"], tensors(2), config: Config);
    }

    /// <summary>
    /// A bfloat16 tensor of finite values. Those of two seeds differ in about half of the elements, and by little.
    /// </summary>
    public static (TensorSpec Spec, byte[] Data) BFloat16(int seed, string name, params long[] shape)
    {
        (TensorSpec spec, byte[] data) = ModelFolder.Random(
            name.Aggregate(0, (sum, letter) => (31 * sum) + letter), name, DType.BFloat16, shape);
        byte[] change = new byte[data.Length];
        new Random(seed).NextBytes(change);
        Span<ushort> values = MemoryMarshal.Cast<byte, ushort>(data.AsSpan());
        ReadOnlySpan<ushort> changes = MemoryMarshal.Cast<byte, ushort>(change.AsSpan());
        for (int i = 0; i < values.Length; i++)
        {
            // From 2^-15 to 2; a change of the mantissa's low bits and sometimes of the sign.
            int low = (changes[i] & 0x100) != 0 ? changes[i] & 0x8007 : 0;
            values[i] = (ushort)(((values[i] & 0x87ff) | 0x3800) ^ (seed == 0 ? 0 : low));
        }

        return (spec, data);
    }

    /// <summary>The SHA-256 of every file below a directory, by name.</summary>
    public static Dictionary<string, string> Hashes(string directory) =>
        Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).ToDictionary(
            file => Path.GetRelativePath(directory, file),
            file =>
            {
                using FileStream stream = File.OpenRead(file);
                return Convert.ToHexStringLower(SHA256.HashData(stream));
            });
}
