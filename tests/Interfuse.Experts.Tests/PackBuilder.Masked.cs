using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Experts.Tests;

internal sealed partial class PackBuilder
{
    /// <summary>Adds a base and a unified task vector with masks [N, m, ceil(n / 32)] and scales [N].</summary>
    public PackBuilder Masked(TensorSpec tensor, byte[] baseValues, byte[] unified, uint[] masks, float[] scales)
    {
        (long rows, long columns) = MatrixOf(tensor);
        int words = ((int)columns + 31) / 32;
        _entries.Add(Entry(tensor, "masked"));
        _banks.Add((tensor, baseValues));
        _parts.Add((new TensorSpec($"{tensor.Name}.unified", tensor.DType, tensor.Shape), unified));
        _parts.Add((
            new TensorSpec($"{tensor.Name}.mask", DType.UInt32, [Experts.Length, rows, words]),
            MemoryMarshal.AsBytes<uint>(masks).ToArray()));
        _parts.Add((
            new TensorSpec($"{tensor.Name}.scales", DType.Float32, [Experts.Length]),
            MemoryMarshal.AsBytes<float>(scales).ToArray()));
        int size = tensor.DType.Size();
        for (int expert = 0; expert < Experts.Length; expert++)
        {
            byte[] own = [.. baseValues];
            for (int i = 0; i < tensor.ElementCount; i++)
            {
                int row = i / (int)columns;
                int column = i % (int)columns;
                uint word = masks[(((expert * (int)rows) + row) * words) + (column / 32)];
                if ((word >> (column % 32) & 1) != 0)
                {
                    float added = scales[expert] * StoredValue.Read(unified, tensor.DType, i);
                    float sum = StoredValue.Read(baseValues, tensor.DType, i) + added;
                    StoredValue.Write(sum, tensor.DType, own.AsSpan(i * size, size));
                }
            }

            Expected[(tensor.Name, expert)] = own;
        }

        return this;
    }

    /// <summary>Adds a tensor of random bytes and random masks.</summary>
    public PackBuilder RandomMasked(int seed, string name, DType dtype, params long[] shape)
    {
        var random = new Random(seed);
        var tensor = new TensorSpec(name, dtype, [.. shape]);
        (long rows, long columns) = MatrixOf(tensor);
        byte[] baseValues = new byte[tensor.ByteLength];
        byte[] unified = new byte[tensor.ByteLength];
        random.NextBytes(baseValues);
        random.NextBytes(unified);
        int words = ((int)columns + 31) / 32;
        uint[] masks = new uint[Experts.Length * rows * words];
        for (int i = 0; i < masks.Length; i++)
        {
            // Often all or none of a word, as where experts are equal to the base or alone.
            masks[i] = random.Next(4) switch { 0 => 0, 1 => uint.MaxValue, _ => (uint)random.NextInt64(1L << 32) };
            bool isLast = i % words == words - 1;
            masks[i] &= isLast && columns % 32 != 0 ? (1u << (int)(columns % 32)) - 1 : uint.MaxValue;
        }

        return Masked(tensor, baseValues, unified, masks, [.. Experts.Select(_ => random.NextSingle() * 2)]);
    }
}
