using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>
/// A random merge: 1 to 16 experts, any types and alignments, terms that trim and drop, sometimes in place, anywhere in
/// a tensor of any size.
/// </summary>
internal sealed record MergeShape(
    int Seed, Place Base, Place[] Experts, TaskTerm[] Terms, Consensus Consensus, long FirstElement, Place Destination)
{
    public override string ToString() =>
        $"seed {Seed}: {Base.Length} elements from {FirstElement}, base {Base.DType} at {Base.ByteOffset},"
        + $" {string.Join(", ", Experts.Select((x, i) => $"{x.DType} at {x.ByteOffset} {Terms[i]}"))}, {Consensus},"
        + $" to {Destination.DType} at {Destination.ByteOffset} of buffer {Destination.Buffer}";

    public static MergeShape Random(SideBySide both, int seed)
    {
        var random = new Random(seed);
        int length = TensorData.RandomLength(random);
        Func<int, int, float[]> kind = TensorData.Kinds[random.Next(TensorData.Kinds.Length)];
        DType common = Pick(random, TensorData.DTypes);
        bool mixed = random.Next(2) == 0;
        bool aligned = random.Next(2) == 0;
        Place Input() => InputOf(both, kind, mixed ? Pick(random, TensorData.DTypes) : common, length, aligned, random);

        Place baseValues = Input();
        Place[] experts = [.. Enumerable.Range(0, 1 + (seed % 16)).Select(_ => Input())];
        Place destination = random.Next(4) switch
        {
            0 => baseValues,
            1 => Pick(random, experts),
            _ => both.Room(mixed ? Pick(random, TensorData.DTypes) : common, length, aligned ? 0 : random.Next(9)),
        };
        long first = FirstOf(random);
        TaskTerm[] terms = [.. experts.Select(_ => Term(random, first, length))];
        var consensus = new Consensus(
            random.Next(2) == 0,
            random.Next(3) switch { 0 => 1f, 1 => -0.7f, _ => 0.3f },
            Pick(random, Enum.GetValues<ZeroSum>()));
        return new MergeShape(seed, baseValues, experts, terms, consensus, first, destination);
    }

    /// <summary>A random threshold: often one that ties cut inside the elements.</summary>
    public static TopKThreshold Threshold(Random random, long firstElement, int length)
    {
        uint bits = random.Next(8) switch
        {
            0 => Formulas.Magnitude(0.02f),
            1 => 0u,
            2 => 0x7F80_0000,
            3 => 0x7FC0_0000,
            < 6 => Formulas.Magnitude(0.5f),
            _ => Formulas.Magnitude(random.Next(1, 128) / 64f),
        };
        return random.Next(9) switch
        {
            0 => TopKThreshold.All,
            1 => TopKThreshold.None,
            2 => new TopKThreshold(bits, long.MaxValue),
            3 => new TopKThreshold(bits, firstElement),
            4 => new TopKThreshold(bits, firstElement + length),
            _ => new TopKThreshold(bits, firstElement + random.Next(length + 1)),
        };
    }

    // Elements beyond 2^32, and beyond 2^35, where the counter of the random numbers has a second word.
    private static long FirstOf(Random random) => 8 * random.Next(6) switch
    {
        0 => random.NextInt64(1L << 40),
        1 => (1L << 30) - random.Next(20),
        2 => (1L << 32) - random.Next(20),
        3 => random.Next(1000),
        _ => 0L,
    };

    private static TaskTerm Term(Random random, long first, int length)
    {
        float weight = random.Next(6) switch { 0 => -1f, 1 => 0f, 2 => 1f, 3 => -0.4f, _ => random.NextSingle() };
        float scale = random.Next(2) == 0 ? 1f : 1.3f;
        TopKThreshold? keep = random.Next(2) == 0 ? null : Threshold(random, first, length);
        RandomDrop? drop = random.Next(2) == 0 ? null : Drop(random);
        return new TaskTerm(weight, scale, keep, drop);
    }

    public static RandomDrop Drop(Random random) => new(
        (ulong)random.NextInt64() << 1,
        (ulong)random.NextInt64() << 1,
        random.Next(5) switch { 0 => 0, 1 => ushort.MaxValue, 2 => 0x4000, _ => 0xC000 });

    private static Place InputOf(
        SideBySide both, Func<int, int, float[]> kind, DType dtype, int length, bool aligned, Random random)
    {
        int seed = random.Next();
        return both.Add(dtype, TensorData.Stored(dtype, kind(length, seed), seed), aligned ? 0 : random.Next(9));
    }

    private static T Pick<T>(Random random, T[] choices) => choices[random.Next(choices.Length)];
}
