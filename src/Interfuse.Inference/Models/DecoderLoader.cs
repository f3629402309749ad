using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts;

namespace Interfuse.Inference.Models;

/// <summary>Loads a decoder's tensors, each checked against the shape that the configuration asks for.</summary>
internal sealed class DecoderLoader(ModelWeights weights, DeviceQueue queue, MixScratch scratch)
{
    private readonly List<ExpertVectors> _vectors = [];

    /// <summary>All that <see cref="Vectors"/> has loaded.</summary>
    public IReadOnlyList<ExpertVectors> AllVectors => _vectors;

    /// <summary>Loads NAME.weight [outputs, inputs] and, if it has one, NAME.bias [outputs].</summary>
    public Projection Projection(string name, int outputs, int inputs, bool bias)
    {
        LoadedTensor matrix = Load(name + ".weight", outputs, inputs);
        try
        {
            return new Projection(matrix, bias ? Vectors(name + ".bias", outputs) : null);
        }
        catch
        {
            matrix.Dispose();
            throw;
        }
    }

    /// <summary>Loads a vector of every expert.</summary>
    public ExpertVectors Vectors(string name, int length)
    {
        using LoadedTensor tensor = Load(name, length);
        var vectors = ExpertVectors.Load(tensor, queue, scratch);
        _vectors.Add(vectors);
        return vectors;
    }

    /// <summary>Loads a tensor of a shape.</summary>
    /// <exception cref="CheckpointFormatException">It is missing, has another shape, or is not of a type that can be
    /// computed with.</exception>
    public LoadedTensor Load(string name, params ReadOnlySpan<long> shape)
    {
        if (!weights.TryFind(name, out TensorSpec? tensor))
        {
            throw Fault(name, "is missing, and config.json asks for it; the model is incomplete, or of another architecture");
        }

        if (!tensor.Shape.AsSpan().SequenceEqual(shape))
        {
            throw Fault(
                name,
                $"has the shape [{string.Join(", ", tensor.Shape)}], and config.json asks for "
                + $"[{string.Join(", ", shape.ToArray())}]; they belong to different models");
        }

        if (!tensor.DType.IsArithmetic())
        {
            throw Fault(name, $"is of {tensor.DType.SafetensorsName()}, and a model is run with BF16, F16, F32 or F64");
        }

        return weights.Load(name, queue);
    }

    private CheckpointFormatException Fault(string name, string reason) => new(weights.Path, reason, name);
}
