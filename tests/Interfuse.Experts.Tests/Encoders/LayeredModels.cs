using Interfuse.Checkpoints;
using Interfuse.Merging.Planning;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests.Encoders;

/// <summary>
/// A base and experts with several layers of two matrices each, a norm in every layer, an embedding and a norm outside.
/// In layer l the experts' task vectors have the same sign with a probability of <c>1 - conflicts[l]</c> each, and sizes
/// of their own.
/// </summary>
internal sealed class LayeredModels(PackWorkshop shop, double[] conflicts, DType dtype = DType.BFloat16)
{
    public const string Embedding = "model.embed_tokens.weight";

    public int Rows { get; init; } = 20;

    public int Columns { get; init; } = 72;

    public IEnumerable<string> Matrices => Enumerable.Range(0, conflicts.Length).SelectMany(layer => MatricesOf(layer));

    public static string[] MatricesOf(int layer) =>
        [$"model.layers.{layer}.self_attn.q_proj.weight", $"model.layers.{layer}.mlp.down_proj.weight"];

    public LayeredModels Write(params string[] experts)
    {
        Write("base", 0);
        for (int expert = 0; expert < experts.Length; expert++)
        {
            Write(experts[expert], expert + 1);
        }

        return this;
    }

    /// <summary>Writes the base, for seed 0, or an expert.</summary>
    public void Write(string name, int seed)
    {
        List<(TensorSpec, byte[])> tensors = [Tensor(Embedding, seed, 0.5, 6, Columns)];
        for (int layer = 0; layer < conflicts.Length; layer++)
        {
            tensors.Add(Tensor($"model.layers.{layer}.input_layernorm.weight", seed, conflicts[layer], Columns));
            tensors.Add(Tensor(MatricesOf(layer)[0], seed, conflicts[layer], Rows, Columns));
            tensors.Add(Tensor(MatricesOf(layer)[1], seed, conflicts[layer], Columns, Rows));
        }

        ModelFolder.Write(shop[name], tensors, config: """{"model_type": "llama", "hidden_size": 72}""");
    }

    private (TensorSpec, byte[]) Tensor(string name, int seed, double conflict, params long[] shape)
    {
        var spec = new TensorSpec(name, dtype, [.. shape]);
        var common = new Random(name.Length + name.Sum(letter => letter));
        var own = new Random((1000 * seed) + name.Sum(letter => letter));
        float[] values = new float[spec.ElementCount];
        for (int i = 0; i < values.Length; i++)
        {
            float origin = (2 * common.NextSingle()) - 1;
            float sign = common.Next(2) == 0 ? 1 : -1;
            sign = own.NextDouble() < conflict ? -sign : sign;
            values[i] = origin + (seed == 0 ? 0 : sign * 0.1f * (0.1f + own.NextSingle()));
        }

        return (spec, StoredValue.StoreAll(values, dtype));
    }

    public static string Yaml(string parameters, params string[] experts) =>
        PackWorkshop.Yaml(parameters, experts).Replace("channel_merging", "mediator", StringComparison.Ordinal);

    public static MergeOptions Options(int threads) => new() { Threads = threads };
}
