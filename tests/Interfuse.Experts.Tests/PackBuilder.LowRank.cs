using Interfuse.Checkpoints;

namespace Interfuse.Experts.Tests;

internal sealed partial class PackBuilder
{
    /// <summary>Adds a shared matrix with factors [N, m, r] and [N, r, n].</summary>
    public PackBuilder LowRank(TensorSpec tensor, int rank, byte[] shared, byte[] left, byte[] right)
    {
        (long rows, long columns) = MatrixOf(tensor);
        _entries.Add(Entry(tensor, "low_rank"));
        _banks.Add((tensor, shared));
        _parts.Add((new TensorSpec($"{tensor.Name}.left", tensor.DType, [Experts.Length, rows, rank]), left));
        _parts.Add((new TensorSpec($"{tensor.Name}.right", tensor.DType, [Experts.Length, rank, columns]), right));
        int size = tensor.DType.Size();
        for (int expert = 0; expert < Experts.Length; expert++)
        {
            byte[] own = new byte[tensor.ByteLength];
            for (int i = 0; i < tensor.ElementCount; i++)
            {
                int row = i / (int)columns;
                int column = i % (int)columns;
                float sum = StoredValue.Read(shared, tensor.DType, i);
                for (int k = 0; k < rank; k++)
                {
                    sum = MathF.FusedMultiplyAdd(
                        StoredValue.Read(left, tensor.DType, (((expert * (int)rows) + row) * rank) + k),
                        StoredValue.Read(right, tensor.DType, (((expert * rank) + k) * (int)columns) + column),
                        sum);
                }

                StoredValue.Write(sum, tensor.DType, own.AsSpan(i * size, size));
            }

            Expected[(tensor.Name, expert)] = own;
        }

        return this;
    }

    /// <summary>Adds a matrix like a model's, with factors like a task vector's.</summary>
    public PackBuilder RandomLowRank(int seed, string name, DType dtype, int rank, params long[] shape)
    {
        var random = new Random(seed);
        var tensor = new TensorSpec(name, dtype, [.. shape]);
        (long rows, long columns) = MatrixOf(tensor);
        byte[] Values(long length, float size) => StoredValue.StoreAll(
            [.. Enumerable.Range(0, (int)length).Select(_ => size * ((2 * random.NextSingle()) - 1))], dtype);

        return LowRank(
            tensor, rank, Values(rows * columns, 1), Values(Experts.Length * rows * rank, 0.3f),
            Values(Experts.Length * rank * columns, 0.3f));
    }
}
