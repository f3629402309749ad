using System.Buffers.Binary;
using Interfuse.Checkpoints;

namespace Interfuse.Testing;

/// <summary>Whole tensors as float64 numbers, in and out of model directories.</summary>
public static class ModelTensors
{
    /// <summary>Every tensor of a model directory, by name, widened without loss.</summary>
    public static Dictionary<string, double[]> Read(string directory)
    {
        using var checkpoint = Checkpoint.Open(directory);
        return checkpoint.Tensors.ToDictionary(tensor => tensor.Name, Values);
    }

    /// <summary>The elements of one tensor, widened without loss.</summary>
    public static double[] Values(CheckpointTensor tensor)
    {
        byte[] bytes = new byte[tensor.ByteLength];
        tensor.Read(0, bytes);
        int size = tensor.DType.Size();
        return [.. Enumerable.Range(0, checked((int)tensor.ElementCount)).Select(i => Value(bytes.AsSpan(i * size), tensor.DType))];
    }

    /// <summary>A float32 tensor with these elements.</summary>
    public static (TensorSpec Spec, byte[] Data) Float32(string name, long[] shape, ReadOnlySpan<float> values)
    {
        byte[] data = new byte[values.Length * sizeof(float)];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(data.AsSpan(i * sizeof(float)), values[i]);
        }

        return (new TensorSpec(name, DType.Float32, [.. shape]), data);
    }

    private static double Value(ReadOnlySpan<byte> bytes, DType dtype) => dtype switch
    {
        DType.BFloat16 => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(bytes) << 16),
        DType.Float16 => (double)BinaryPrimitives.ReadHalfLittleEndian(bytes),
        DType.Float32 => BinaryPrimitives.ReadSingleLittleEndian(bytes),
        DType.Float64 => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
        DType.Int64 => BinaryPrimitives.ReadInt64LittleEndian(bytes),
        _ => throw new NotSupportedException($"no test needs {dtype}"),
    };
}
