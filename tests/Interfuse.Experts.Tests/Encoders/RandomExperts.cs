using FsCheck;
using FsCheck.Fluent;
using Interfuse.Checkpoints;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests.Encoders;

/// <summary>A base and experts of it, of one matrix and one vector, as a property draws and shrinks them.</summary>
/// <param name="DType">The type of all.</param>
/// <param name="Rows">m.</param>
/// <param name="Columns">n, which is the vector's length too.</param>
/// <param name="Models">The base's bits, then each expert's: [m, n] and [n].</param>
internal sealed record RandomExperts(DType DType, int Rows, int Columns, uint[][] Models)
{
    public int Count => Models.Length - 1;

    public string[] Names => [.. Enumerable.Range(0, Count).Select(expert => $"e{expert}")];

    /// <summary>Draws models.</summary>
    /// <param name="fewest">The fewest experts.</param>
    /// <param name="isFinite">Whether to leave NaN and infinities out, and values whose differences overflow.</param>
    public static Arbitrary<RandomExperts> Any(int fewest = 1, bool isFinite = false) => Arb.From(
        from dtype in Gen.Elements(DType.BFloat16, DType.Float16, DType.Float32)
        from count in Gen.Choose(fewest, 8)
        from rows in Gen.Choose(1, 7)
        from columns in Gen.OneOf(Gen.Choose(1, 5), Gen.Choose(6, 37))
        from kinds in Gen.Choose(0, 2)
        from seed in Gen.Choose(0, int.MaxValue)
        select Draw(dtype, count, rows, columns, kinds == 0 ? 0 : isFinite ? 2 : 4, new Random(seed)),
        models => models.Shrunk(fewest));

    /// <summary>The same with every expert another one's.</summary>
    public RandomExperts Permuted(int[] order) =>
        this with { Models = [Models[0], .. order.Select(expert => Models[expert + 1])] };

    /// <summary>The first expert, as often as there are experts.</summary>
    public RandomExperts AllTheFirst() => this with { Models = [Models[0], .. Models.Skip(1).Select(_ => Models[1])] };

    public void Write(PackWorkshop shop, string[]? names = null)
    {
        for (int model = 0; model < Models.Length; model++)
        {
            byte[] bytes =
            [
                .. Models[model].SelectMany(bits => BitConverter.GetBytes(bits).Take(DType.Size())),
            ];
            int split = Rows * Columns * DType.Size();
            ModelFolder.Write(
                shop[model == 0 ? "base" : (names ?? Names)[model - 1]],
                [
                    (new TensorSpec(PackWorkshop.Projection, DType, [Rows, Columns]), bytes[..split]),
                    (new TensorSpec(PackWorkshop.Norm, DType, [Columns]), bytes[split..]),
                ]);
        }
    }

    public override string ToString() =>
        $"{DType} [{Rows}, {Columns}], base and experts: {string.Join(" | ", Models.Select(model => string.Join(' ', model.Select(bits => $"{bits:x}"))))}";

    // One value in eight is an odd one, of so many kinds.
    private static RandomExperts Draw(DType dtype, int count, int rows, int columns, int kinds, Random random)
    {
        uint[] Values() => [.. Enumerable.Range(0, (rows + 1) * columns).Select(_ =>
            kinds > 0 && random.Next(8) == 0
                ? Special(dtype, random.Next(kinds), random)
                : Encode(dtype, (4 * random.NextSingle()) - 2))];

        uint[][] models = [.. Enumerable.Range(0, count + 1).Select(_ => Values())];
        for (int copied = random.Next(3 * count); copied < count - 1; copied++)
        {
            // Rows that some experts have in common: with each other, or with the base.
            int row = random.Next(rows) * columns;
            models[random.Next(count + 1)].AsSpan(row, columns).CopyTo(models[1 + random.Next(count)].AsSpan(row));
        }

        return new RandomExperts(dtype, rows, columns, models);
    }

    // Zeros and denormals, infinities and NaN.
    private static uint Special(DType dtype, int kind, Random random)
    {
        (int width, int fraction) = dtype switch { DType.BFloat16 => (16, 7), DType.Float16 => (16, 10), _ => (32, 23) };
        uint sign = (uint)random.Next(2) << (width - 1);
        uint exponent = ((1u << (width - 1 - fraction)) - 1) << fraction;
        return sign | kind switch
        {
            0 => 0,
            1 => (uint)random.Next(1, 1 << fraction),
            2 => exponent,
            _ => exponent | (1u << (fraction - 1)),
        };
    }

    private static uint Encode(DType dtype, float value) => dtype switch
    {
        DType.BFloat16 => BitConverter.SingleToUInt32Bits(value) >> 16,
        DType.Float16 => BitConverter.HalfToUInt16Bits((Half)value),
        _ => BitConverter.SingleToUInt32Bits(value),
    };

    // Fewer experts, fewer rows, fewer columns, then models that are as the base, or all zero.
    private IEnumerable<RandomExperts> Shrunk(int fewest)
    {
        for (int model = 1; model < Models.Length && Count > fewest; model++)
        {
            int dropped = model;
            yield return this with { Models = [.. Models.Where((_, other) => other != dropped)] };
        }

        for (int row = 0; row < Rows && Rows > 1; row++)
        {
            int dropped = row;
            yield return Keep(Rows - 1, Columns, place => place / Columns != dropped);
        }

        for (int column = 0; column < Columns && Columns > 1; column++)
        {
            int dropped = column;
            yield return Keep(Rows, Columns - 1, place => place % Columns != dropped);
        }

        for (int model = 0; model < Models.Length; model++)
        {
            uint[] simple = model == 0 ? new uint[Models[0].Length] : Models[0];
            if (!Models[model].AsSpan().SequenceEqual(simple))
            {
                int changed = model;
                yield return this with { Models = [.. Models.Select((bits, other) => other == changed ? simple : bits)] };
            }
        }
    }

    private RandomExperts Keep(int rows, int columns, Func<int, bool> isKept) => this with
    {
        Rows = rows,
        Columns = columns,
        Models = [.. Models.Select(bits => bits.Where((_, place) => isKept(place)).ToArray())],
    };
}
