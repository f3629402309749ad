using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Experts.Tests;

internal sealed partial class PackBuilder
{
    /// <summary>Adds a dense matrix and of each expert, row by row, columns and the values that stand there instead.</summary>
    public PackBuilder Sparse(TensorSpec tensor, byte[] dense, int[] starts, int[] places, byte[] values)
    {
        (long rows, long columns) = MatrixOf(tensor);
        int size = tensor.DType.Size();
        _entries.Add(Entry(tensor, "sparse"));
        _banks.Add((tensor, dense));
        bool isNarrow = columns <= 65536;
        byte[] stored = isNarrow
            ? MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(places, place => (ushort)place)).ToArray()
            : MemoryMarshal.AsBytes<int>(places).ToArray();
        _parts.Add((
            new TensorSpec($"{tensor.Name}.starts", DType.Int32, [starts.Length]), MemoryMarshal.AsBytes<int>(starts).ToArray()));
        _parts.Add((
            new TensorSpec($"{tensor.Name}.places", isNarrow ? DType.UInt16 : DType.Int32, [places.Length]), stored));
        _parts.Add((new TensorSpec($"{tensor.Name}.values", tensor.DType, [places.Length]), values));
        for (int expert = 0; expert < Experts.Length; expert++)
        {
            byte[] own = [.. dense];
            for (long row = 0; row < rows; row++)
            {
                for (int value = starts[(expert * rows) + row]; value < starts[(expert * rows) + row + 1]; value++)
                {
                    values.AsSpan(value * size, size).CopyTo(own.AsSpan((int)(((row * columns) + places[value]) * size)));
                }
            }

            Expected[(tensor.Name, expert)] = own;
        }

        return this;
    }

    /// <summary>Adds a tensor of random bytes; every so-manieth element of an expert is its own.</summary>
    public PackBuilder RandomSparse(int seed, string name, DType dtype, int every, params long[] shape)
    {
        var random = new Random(seed);
        var tensor = new TensorSpec(name, dtype, [.. shape]);
        (long rows, long columns) = MatrixOf(tensor);
        byte[] dense = new byte[tensor.ByteLength];
        random.NextBytes(dense);
        List<int> starts = [0];
        List<int> places = [];
        for (long row = 0; row < Experts.Length * rows; row++)
        {
            // Often a row of which nothing or everything is an expert's own.
            int share = random.Next(5) switch { 0 => int.MaxValue, 1 => 1, _ => every };
            places.AddRange(Enumerable.Range(0, (int)columns).Where(_ => random.Next(share) == 0));
            starts.Add(places.Count);
        }

        byte[] values = new byte[places.Count * dtype.Size()];
        random.NextBytes(values);
        return Sparse(tensor, dense, [.. starts], [.. places], values);
    }
}
