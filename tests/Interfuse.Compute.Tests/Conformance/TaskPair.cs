using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>A base and an expert on both sides, whose deltas are easy or hard to select from.</summary>
internal sealed record TaskPair(Place Base, Place Expert, uint[] Magnitudes, string What)
{
    /// <summary>What deltas look like, with the difficult cases for a selection by digits.</summary>
    public static readonly string[] Kinds =
    [
        "plain", "mixed", "nasty", "ties", "equal", "shared bits", "ascending", "descending", "few large", "infinite",
        "nan",
    ];

    public int Length => Magnitudes.Length;

    public override string ToString() => What;

    public static TaskPair Make(SideBySide both, string kind, int length, int seed)
    {
        var random = new Random(seed);
        float[] deltas = Deltas(kind, length, seed, random);
        float[] baseValues = kind is "plain" or "mixed" ? Blocks.Plain(length, seed + 1) : new float[length];
        DType baseType = TensorData.DTypes[random.Next(4)];
        DType expertType = kind is "shared bits" ? DType.Float32 : TensorData.DTypes[random.Next(4)];
        byte[] storedBase = TensorData.Stored(baseType, baseValues, seed);
        byte[] storedExpert = TensorData.Stored(expertType, deltas, seed);
        Place basePlace = both.Add(baseType, storedBase, random.Next(4));
        Place expertPlace = both.Add(expertType, storedExpert, random.Next(4));
        return new TaskPair(
            basePlace,
            expertPlace,
            both.Magnitudes(basePlace, expertPlace),
            $"{kind}, {length} elements, {baseType} and {expertType}, seed {seed}");
    }

    private static float[] Deltas(string kind, int length, int seed, Random random) => kind switch
    {
        "plain" => Blocks.Plain(length, seed),
        "mixed" => Blocks.Mixed(length, seed),
        "nasty" => Blocks.Nasty(length, seed),
        "ties" => Blocks.Ties(length, seed),
        "equal" => [.. Enumerable.Repeat(-0.25f, length)],
        "shared bits" => Each(length, _ => BitConverter.UInt32BitsToSingle(0x3D12_3400u + (uint)random.Next(64))),
        "ascending" => Each(length, i => i * 1e-3f),
        "descending" => Each(length, i => -1e-3f * (length - i)),
        "few large" => Each(length, i => random.Next(200) == 0 ? i + 1f : 1e-6f * random.Next(100)),
        "infinite" => Each(length, _ => random.Next(3) == 0 ? float.NegativeInfinity : random.Next(5)),
        _ => Each(length, _ => random.Next(3) > 0 ? 1f : Nan(random.Next(99))),
    };

    private static float Nan(int payload) => BitConverter.Int32BitsToSingle(0x7FC0_0000 + payload);

    private static float[] Each(int length, Func<int, float> value) => [.. Enumerable.Range(0, length).Select(value)];
}
