namespace Interfuse.Compute.Tests;

/// <summary>A block of a base and its experts, with what to compute from it, for the four kernels that merge.</summary>
internal sealed record MergeCase(float[] Base, float[] Data, int Stride, BlockTerm[] Terms, Consensus Consensus)
{
    public int Length => Base.Length;

    public float[] Weights => Array.ConvertAll(Terms, term => term.Weight);

    public Rows Rows => new(Data, Terms.Length, Length, Stride);

    public override string ToString() => $"{Length} elements, {Terms.Length} experts, {Consensus}";

    /// <summary>The expert's values, or deltas, at one element.</summary>
    public float[] At(int index) => [.. Enumerable.Range(0, Terms.Length).Select(row => Data[(row * Stride) + index])];

    /// <summary>Every length, every consensus, one to five experts, values and terms of all kinds.</summary>
    public static IEnumerable<MergeCase> All()
    {
        int seed = 0;
        foreach (int length in Blocks.Lengths)
        {
            foreach (bool normalize in new[] { false, true })
            {
                foreach (ZeroSum zeroSum in Enum.GetValues<ZeroSum>())
                {
                    seed++;
                    int experts = 1 + (seed % 5);
                    Func<int, int, float[]> kind = (seed % 4) switch
                    {
                        0 => Blocks.Mixed,
                        1 => Blocks.Ties,
                        2 => Blocks.Coarse,
                        _ => Blocks.Plain,
                    };
                    var consensus = new Consensus(normalize, seed % 3 == 0 ? -0.7f : 1f, zeroSum);
                    yield return Make(kind, length, experts, consensus, seed);
                }
            }
        }
    }

    public static MergeCase Make(Func<int, int, float[]> kind, int length, int experts, Consensus consensus, int seed)
    {
        var random = new Random(seed);
        int stride = length + random.Next(4);
        var terms = new BlockTerm[experts];
        for (int i = 0; i < experts; i++)
        {
            float weight = random.Next(5) switch { 0 => -1f, 1 => 0f, 2 => 1f, _ => (float)random.NextDouble() };
            float minimum = random.Next(3) switch { 0 => 0f, 1 => 0.02f, _ => 0.5f };
            terms[i] = new BlockTerm(weight, random.Next(2) == 0 ? 1f : 1.3f, Formulas.Magnitude(minimum));
        }

        return new MergeCase(kind(length, seed), kind(experts * stride, seed + 1000), stride, terms, consensus);
    }
}
