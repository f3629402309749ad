using Interfuse.Experts.Routing;

namespace Interfuse.Experts.Tests.Routing;

/// <summary>Features for tests: a cloud of random vectors for each expert.</summary>
internal static class Clouds
{
    public const int Width = 11;

    /// <summary>Prompts of every expert, whose features lie around places of their own, about 1 apart.</summary>
    public static RouterSample[] Samples(int experts, int each, double spread, int seed = 1)
    {
        var random = new Random(seed);
        double[][] centres = [.. Enumerable.Range(0, experts).Select(_ => Vector(random, 1))];
        return
        [
            .. from expert in Enumerable.Range(0, experts)
               from i in Enumerable.Range(0, each)
               let noise = Vector(random, spread)
               select new RouterSample(
                   noise.Select((value, j) => (float)(value + centres[expert][j])).ToArray(), expert, $"{expert}.jsonl, line {i + 1}"),
        ];
    }

    public static PackManifest Pack(params string[] experts) => new("channel_merging", experts, 0, [], []);

    public static RouterTraining Train(int experts = 3, int each = 60, double spread = 0.2) => RouterTrainer.Train(
        Pack([.. Enumerable.Range(0, experts).Select(expert => $"e{expert}")]),
        new RouterFeatures(2),
        Samples(experts, each, spread),
        new());

    private static double[] Vector(Random random, double spread) =>
        [.. Enumerable.Range(0, Width).Select(_ => spread * (random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5) * 2)];
}
