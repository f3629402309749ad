using Interfuse.Checkpoints;

namespace Interfuse.Testing;

/// <summary>Writes model directories for tests, through the engine's own layout and writer.</summary>
public static class ModelFolder
{
    /// <summary>Writes tensors, given with their bytes, and a <c>config.json</c> if there is one.</summary>
    public static void Write(
        string directory,
        IReadOnlyList<(TensorSpec Spec, byte[] Data)> tensors,
        long maxShardBytes = long.MaxValue,
        string? config = null)
    {
        var layout = CheckpointLayout.Create([.. tensors.Select(tensor => tensor.Spec)], maxShardBytes);
        using var writer = CheckpointWriter.Create(directory, layout);
        for (int i = 0; i < tensors.Count; i++)
        {
            writer.Write(i, 0, tensors[i].Data);
        }

        writer.Complete();
        if (config is not null)
        {
            File.WriteAllText(Path.Combine(directory, "config.json"), config);
        }
    }

    /// <summary>The tensor with bytes that depend on the seed only.</summary>
    public static (TensorSpec Spec, byte[] Data) Random(int seed, string name, DType dtype, params long[] shape)
    {
        var spec = new TensorSpec(name, dtype, [.. shape]);
        byte[] data = new byte[spec.ByteLength];
        new Random(seed).NextBytes(data);
        return (spec, data);
    }
}
