using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>Where the parts of a sparse bank lie.</summary>
internal sealed record SparseParts(Place Dense, Place Starts, Place Places, Place Values, int Experts, int Channels, int Columns)
{
    /// <summary>Rows with no values of their own, with all, with a few, at the ends, and in one stretch.</summary>
    public static SparseParts Add(
        SideBySide both, DType dtype, int experts, int channels, int columns, int offset, int seed,
        Func<int, int, float[]>? values = null)
    {
        var random = new Random(seed);
        List<int> starts = [0];
        List<int> places = [];
        for (int row = 0; row < experts * channels; row++)
        {
            places.AddRange(RowPlaces(random, columns, row % 6));
            starts.Add(places.Count);
        }

        return new SparseParts(
            both.Add(dtype, Elements(dtype, channels * columns, seed, values), offset),
            both.Add(DType.Int32, MemoryMarshal.AsBytes<int>(starts.ToArray()), offset),
            columns <= 65536
                ? both.Add(DType.UInt16, MemoryMarshal.AsBytes<ushort>(places.ConvertAll(p => (ushort)p).ToArray()), offset)
                : both.Add(DType.Int32, MemoryMarshal.AsBytes<int>(places.ToArray()), offset),
            both.Add(dtype, Elements(dtype, places.Count, seed + 1, values), offset),
            experts,
            channels,
            columns);
    }

    public SparseBank On(Side side) =>
        new(side[Dense], side[Starts], side[Places], side[Values], Experts, Channels, Columns);

    private static IEnumerable<int> RowPlaces(Random random, int columns, int kind)
    {
        IEnumerable<int> all = Enumerable.Range(0, columns);
        return kind switch
        {
            0 => all.Where(_ => random.Next(10) == 0),
            1 => [],
            2 => all,
            3 => all.Where(place => place == 0 || place == columns - 1),
            4 => all.Skip(columns / 3).Take(columns / 2),
            _ => all.Where(_ => random.Next(2) == 0),
        };
    }

    // Any bytes at all where no values are asked for: NaNs keep their payloads, and integers are as good as floats.
    private static byte[] Elements(DType dtype, int count, int seed, Func<int, int, float[]>? values)
    {
        if (values is not null)
        {
            return ExpertData.Stored(values(count, seed), dtype);
        }

        byte[] bytes = new byte[count * dtype.Size()];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}

/// <summary>Where the parts of a masked bank lie.</summary>
internal sealed record MaskedParts(Place Base, Place Unified, Place Mask, Place Scales, int Experts, int Channels, int Columns)
{
    /// <summary>Rows where the mask has no bits, all bits, and any bits.</summary>
    public static MaskedParts Add(
        SideBySide both, DType dtype, int experts, int channels, int columns, int offset, int seed,
        Func<int, int, float[]> values, float[]? scales = null)
    {
        int words = (int)MaskedBank.Words(columns);
        uint[] mask = Blocks.Words(experts * channels * words, seed);
        for (int row = 0; row < experts * channels; row++)
        {
            if (row % 4 < 2)
            {
                mask.AsSpan(row * words, words).Fill(row % 4 == 0 ? 0u : uint.MaxValue);
            }
        }

        scales ??= [.. Enumerable.Range(1, experts).Select(expert => 0.3f + (1f / expert))];
        return new MaskedParts(
            both.Add(dtype, ExpertData.Stored(values(channels * columns, seed), dtype), offset),
            both.Add(dtype, ExpertData.Stored(values(channels * columns, seed + 1), dtype), offset),
            both.Add(DType.UInt32, MemoryMarshal.AsBytes<uint>(mask), offset),
            both.Add(DType.Float32, MemoryMarshal.AsBytes<float>(scales), offset),
            experts,
            channels,
            columns);
    }

    public MaskedBank On(Side side) =>
        new(side[Base], side[Unified], side[Mask], side[Scales], Experts, Channels, Columns);
}
