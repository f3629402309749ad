using System.Text;
using Interfuse.Checkpoints;

namespace Interfuse.Benchmarks.EndToEnd;

/// <summary>A Llama-layout model directory of about 1.1 billion bfloat16 parameters, with made-up weights.</summary>
/// <remarks>
/// The base is drawn with standard deviation 0.02, an expert adds a fine-tune's worth of change (0.001) before rounding, so that
/// its task vector has the many equal magnitudes that real bfloat16 fine-tunes have.
/// </remarks>
internal static class SyntheticModel
{
    private const int Hidden = 2048;
    private const int Intermediate = 5632;
    private const int Layers = 22;
    private const int KeyValue = 256;
    private const int Vocabulary = 32000;

    /// <summary>Makes the directory, unless it is there already.</summary>
    /// <param name="directory">The model directory.</param>
    /// <param name="expert">0 for the base, 1 and up for an expert of it.</param>
    public static void Ensure(string directory, int expert)
    {
        if (File.Exists(Path.Combine(directory, "config.json")))
        {
            return;
        }

        Console.WriteLine($"making {directory}");
        Directory.CreateDirectory(directory);
        TensorSpec[] tensors = [.. Tensors()];
        CheckpointLayout layout = CheckpointLayout.Create(tensors, 5_000_000_000);
        using (CheckpointWriter writer = CheckpointWriter.Create(directory, layout))
        {
            Parallel.For(0, tensors.Length, index => Fill(writer, tensors[index], index, expert));
            writer.Complete();
        }

        File.WriteAllText(Path.Combine(directory, "config.json"), $$"""
            {
              "architectures": ["LlamaForCausalLM"],
              "model_type": "llama",
              "hidden_size": {{Hidden}},
              "intermediate_size": {{Intermediate}},
              "num_hidden_layers": {{Layers}},
              "num_attention_heads": 32,
              "num_key_value_heads": 4,
              "vocab_size": {{Vocabulary}},
              "tie_word_embeddings": false,
              "torch_dtype": "bfloat16"
            }

            """, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
    }

    private static IEnumerable<TensorSpec> Tensors()
    {
        static TensorSpec Tensor(string name, params long[] shape) => new(name, DType.BFloat16, [.. shape]);

        yield return Tensor("model.embed_tokens.weight", Vocabulary, Hidden);
        for (int layer = 0; layer < Layers; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            yield return Tensor(prefix + "input_layernorm.weight", Hidden);
            yield return Tensor(prefix + "self_attn.q_proj.weight", Hidden, Hidden);
            yield return Tensor(prefix + "self_attn.k_proj.weight", KeyValue, Hidden);
            yield return Tensor(prefix + "self_attn.v_proj.weight", KeyValue, Hidden);
            yield return Tensor(prefix + "self_attn.o_proj.weight", Hidden, Hidden);
            yield return Tensor(prefix + "post_attention_layernorm.weight", Hidden);
            yield return Tensor(prefix + "mlp.gate_proj.weight", Intermediate, Hidden);
            yield return Tensor(prefix + "mlp.up_proj.weight", Intermediate, Hidden);
            yield return Tensor(prefix + "mlp.down_proj.weight", Hidden, Intermediate);
        }

        yield return Tensor("model.norm.weight", Hidden);
        yield return Tensor("lm_head.weight", Vocabulary, Hidden);
    }

    private static void Fill(CheckpointWriter writer, TensorSpec tensor, int index, int expert)
    {
        byte[] bytes = new byte[1 << 20];
        ulong baseState = (ulong)index + 1;
        ulong expertState = ((ulong)expert << 32) + (ulong)index + 1;
        for (long offset = 0; offset < tensor.ByteLength; offset += bytes.Length)
        {
            int length = (int)Math.Min(bytes.Length, tensor.ByteLength - offset);
            for (int i = 0; i < length; i += 2)
            {
                float value = 0.02f * Normal(ref baseState);
                if (expert > 0)
                {
                    value = ToBFloat16(value) + (0.001f * Normal(ref expertState));
                }

                BitConverter.TryWriteBytes(bytes.AsSpan(i, 2), (ushort)(BitConverter.SingleToUInt32Bits(ToBFloat16(value)) >> 16));
            }

            writer.Write(index, offset, bytes.AsSpan(0, length));
        }
    }

    /// <summary>Rounds to the nearest bfloat16, ties to even.</summary>
    private static float ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF_0000);
    }

    /// <summary>A nearly normal number: four 16-bit uniforms added up (SplitMix64).</summary>
    private static float Normal(ref ulong state)
    {
        state += 0x9E37_79B9_7F4A_7C15;
        ulong mixed = (state ^ (state >> 30)) * 0xBF58_476D_1CE4_E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EB;
        mixed ^= mixed >> 31;
        uint sum = (uint)(mixed & 0xFFFF) + (uint)((mixed >> 16) & 0xFFFF) + (uint)((mixed >> 32) & 0xFFFF) + (uint)(mixed >> 48);
        return (sum - 131070f) * (1f / 37837f);
    }
}
