using Interfuse.Checkpoints;
using Interfuse.Testing;

namespace Interfuse.Merging.Tests;

/// <summary>A decoder of a few float32 numbers, named as the models of the Hugging Face Hub name theirs.</summary>
/// <remarks>
/// Every element of a tensor is the same: <see cref="Value"/>, plus the layer's number, or the row's in an embedding.
/// </remarks>
internal sealed record TinyModel
{
    public const int Columns = 4;

    public required float Value { get; init; }

    public int Layers { get; init; } = 2;

    public int Rows { get; init; } = 6;

    /// <summary>What the rows of the output head are more than those of the embedding; null for no head.</summary>
    public float? Head { get; init; } = 100;

    /// <summary>config.json without its braces; null for none.</summary>
    public string? Config { get; init; } = "\"model_type\": \"llama\", \"num_hidden_layers\": 2, \"vocab_size\": 6";

    /// <summary>The tokens in the order of their ids; null for no tokenizer.json.</summary>
    public string[]? Tokens { get; init; }

    /// <summary>Further tensors.</summary>
    public (TensorSpec Spec, byte[] Data)[] Extra { get; init; } = [];

    public void WriteTo(string directory)
    {
        List<(TensorSpec, byte[])> tensors = [Matrix("model.embed_tokens.weight", Value)];
        for (int layer = 0; layer < Layers; layer++)
        {
            tensors.Add(Constant($"model.layers.{layer}.mlp.up_proj.weight", Value + layer));
            tensors.Add(Constant($"model.layers.{layer}.input_layernorm.weight", Value + layer));
        }

        tensors.Add(Constant("model.norm.weight", Value));
        if (Head is { } head)
        {
            tensors.Add(Matrix("lm_head.weight", Value + head));
        }

        ModelFolder.Write(directory, [.. tensors, .. Extra], config: Config is null ? null : $"{{{Config}}}");
        if (Tokens is not null)
        {
            File.WriteAllText(Path.Combine(directory, "tokenizer.json"), Tokenizer(Tokens));
        }
    }

    /// <summary>A tokenizer.json with these tokens; those in angle brackets are added ones.</summary>
    public static string Tokenizer(string[] tokens)
    {
        string[] entries = [.. tokens.Select((token, id) => token.StartsWith('<')
            ? $"{{\"id\": {id}, \"content\": \"{token}\"}}"
            : $"\"{token}\": {id}")];
        string vocabulary = string.Join(", ", entries.Where(entry => entry[0] == '"'));
        string added = string.Join(", ", entries.Where(entry => entry[0] == '{'));
        return $"{{\"model\": {{\"type\": \"BPE\", \"vocab\": {{{vocabulary}}}}}, \"added_tokens\": [{added}]}}";
    }

    /// <summary>The first element of each row.</summary>
    public static double[] RowsOf(double[] matrix) => [.. matrix.Where((_, i) => i % Columns == 0)];

    public static (TensorSpec Spec, byte[] Data) Constant(string name, float value) =>
        ModelTensors.Float32(name, [Columns], [.. Enumerable.Repeat(value, Columns)]);

    private (TensorSpec Spec, byte[] Data) Matrix(string name, float value) => ModelTensors.Float32(
        name, [Rows, Columns], [.. Enumerable.Range(0, Rows * Columns).Select(i => value + (i / Columns))]);
}
