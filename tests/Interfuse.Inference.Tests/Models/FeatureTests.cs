using Interfuse.Experts;
using Interfuse.Inference.Models;

namespace Interfuse.Inference.Tests.Models;

/// <summary>A prompt's features are the mean of its tokens' vectors, whatever else is asked for.</summary>
public sealed class FeatureTests
{
    private static readonly ReadOnlyMemory<int>[] Prompts =
        [.. new[] { 1, 3, 40, 64, 17, 60, 64, 2, 64, 64, 64, 64, 64, 31 }.Select((length, i) => Prompt(length, i))];

    [Test]
    public void Features_do_not_depend_on_the_batch_or_threads([Values(0, 1, 2)] int depth)
    {
        using Decoder decoder = TinyExperts.Load("reverse");
        using Decoder single = TinyExperts.Load("reverse", threads: 1);
        IReadOnlyList<float[]> together = decoder.Features(Prompts, ExpertMix.Of(0), depth);

        for (int i = 0; i < Prompts.Length; i++)
        {
            Assert.That(single.Features([Prompts[i]], ExpertMix.Of(0), depth)[0], Is.EqualTo(together[i]), $"prompt {i}");
        }
    }

    [Test]
    public void Without_layers_they_are_the_mean_of_the_embeddings()
    {
        using Decoder decoder = TinyExperts.Load("sort");
        float[][] embeddings = [.. Enumerable.Range(0, 3).Select(i => decoder.Features([Prompts[1].Slice(i, 1)], ExpertMix.Of(0), 0)[0])];

        float[] mean = decoder.Features([Prompts[1]], ExpertMix.Of(0), 0)[0];

        float[] expected = new float[mean.Length];
        for (int j = 0; j < expected.Length; j++)
        {
            expected[j] = (float)(((double)embeddings[0][j] + embeddings[1][j] + embeddings[2][j]) / 3);
        }

        Assert.That(mean, Is.EqualTo(expected));
        Assert.That(mean, Has.Length.EqualTo(decoder.Config.HiddenSize).And.Some.Not.Zero);
    }

    [Test]
    public void Every_layer_changes_them_and_long_prompts_are_cut()
    {
        using Decoder decoder = TinyExperts.Load("sort");
        int last = decoder.Config.LayerCount;

        float[][] byDepth = [.. Enumerable.Range(0, last + 1).Select(depth => decoder.Features([Prompts[2]], ExpertMix.Of(0), depth)[0])];
        Assert.That(byDepth.Select(features => string.Join(' ', features)).Distinct().Count(), Is.EqualTo(last + 1));
        Assert.That(
            decoder.Features([Prompts[2]], ExpertMix.Of(0), last, maxTokens: 7)[0],
            Is.EqualTo(decoder.Features([Prompts[2][..7]], ExpertMix.Of(0), last)[0]));
        Assert.That(
            decoder.Features([Prompt(1000, 2)], ExpertMix.Of(0), last)[0],
            Is.EqualTo(decoder.Features([Prompt(1000, 2).AsMemory(0, decoder.Config.ContextLength)], ExpertMix.Of(0), last)[0]));
    }

    [Test]
    public void What_has_no_features_is_refused()
    {
        using Decoder decoder = TinyExperts.Load("sort");

        Assert.That(decoder.Features([], ExpertMix.Of(0), 0), Is.Empty);
        Assert.That(
            () => decoder.Features([Prompts[0], ReadOnlyMemory<int>.Empty], ExpertMix.Of(0), 0),
            Throws.TypeOf<InterfuseException>().With.Message.Contains("prompt 2 of 2 is empty"));
        Assert.That(
            () => decoder.Features([new[] { 100_000 }], ExpertMix.Of(0), 0),
            Throws.TypeOf<InterfuseException>().With.Message.Contains("there is no token 100000"));
        Assert.That(() => decoder.Features([Prompts[0]], ExpertMix.Of(0), -1), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(
            () => decoder.Features([Prompts[0]], ExpertMix.Of(0), decoder.Config.LayerCount + 1),
            Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => decoder.Features([Prompts[0]], ExpertMix.Of(1), 0), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => decoder.Features([Prompts[0]], ExpertMix.Of(0), 0, 0), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    private static int[] Prompt(int length, int seed)
    {
        var random = new Random(seed);
        return [256, .. Enumerable.Range(1, length - 1).Select(_ => random.Next(32, 127))];
    }
}
