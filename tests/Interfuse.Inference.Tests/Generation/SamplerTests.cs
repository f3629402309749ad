using Interfuse.Inference.Generation;

namespace Interfuse.Inference.Tests.Generation;

public sealed class SamplerTests
{
    private const int Draws = 20_000;

    private static readonly float[] Logits = [1f, 3f, -2f, 3f, 0f, 2f];

    [Test]
    public void Greedy_takes_the_likeliest_and_of_equals_the_lowest()
    {
        Assert.That(new Sampler(SamplingOptions.Greedy, 0, []).Choose(Logits), Is.EqualTo(1));
    }

    [Test]
    public void Tokens_are_drawn_as_often_as_they_are_likely([Values(0.5, 1, 2)] double temperature)
    {
        double[] weights = [.. Logits.Select(logit => Math.Exp(logit / temperature))];
        double[] shares = Shares(new SamplingOptions { Temperature = temperature, Seed = 3 });

        for (int token = 0; token < Logits.Length; token++)
        {
            double expected = weights[token] / weights.Sum();

            // Five standard deviations; the draws are the same in every run.
            Assert.That(shares[token], Is.EqualTo(expected).Within(5 * Math.Sqrt(expected / Draws)), $"token {token}");
        }
    }

    // Top-p counts shares of what top-k leaves. Probabilities: 0.38, 0.38, 0.14, 0.05, 0.02, 0.003 for the tokens 1, 3, 5, 0, 4, 2.
    [TestCase(0, 1.0, 0.0, 0, 1, 2, 3, 4, 5)]
    [TestCase(1, 1.0, 0.0, 1)]
    [TestCase(2, 1.0, 0.0, 1, 3)]
    [TestCase(99, 1.0, 0.0, 0, 1, 2, 3, 4, 5)]
    [TestCase(0, 0.3, 0.0, 1)]
    [TestCase(0, 0.5, 0.0, 1, 3)]
    [TestCase(0, 0.8, 0.0, 1, 3, 5)]
    [TestCase(0, 1.0, 0.3, 1, 3, 5)]
    [TestCase(0, 1.0, 1.0, 1, 3)]
    [TestCase(3, 0.4, 0.0, 1)]
    [TestCase(3, 0.9, 0.5, 1, 3)]
    public void Top_k_top_p_and_min_p_leave_the_likeliest(int topK, double topP, double minP, params int[] expected)
    {
        double[] shares = Shares(new SamplingOptions { Temperature = 1, TopK = topK, TopP = topP, MinP = minP });

        Assert.That(Enumerable.Range(0, Logits.Length).Where(token => shares[token] > 0), Is.EqualTo(expected));
    }

    [Test]
    public void A_token_that_was_there_is_less_likely_above_and_below_zero()
    {
        var options = new SamplingOptions { RepetitionPenalty = 2 };

        Assert.That(new Sampler(options, 0, [1, 3]).Choose(Logits), Is.EqualTo(5), "3 / 2 is less than 2");
        Assert.That(new Sampler(options, 0, [0]).Choose([-1f, -1.5f]), Is.EqualTo(1), "-1 * 2 is less than -1.5");
        var sampler = new Sampler(options, 0, []);
        Assert.That(new[] { sampler.Choose(Logits), sampler.Choose(Logits), sampler.Choose(Logits) }, Is.EqualTo([1, 3, 5]));
    }

    [Test]
    public void A_seed_and_a_stream_give_the_same_draws_and_others_give_others()
    {
        int[] draws = First(seed: 1, stream: 0);

        Assert.That(First(seed: 1, stream: 0), Is.EqualTo(draws));
        Assert.That(First(seed: 2, stream: 0), Is.Not.EqualTo(draws));
        Assert.That(First(seed: 1, stream: 1), Is.Not.EqualTo(draws));

        static int[] First(ulong seed, ulong stream)
        {
            var sampler = new Sampler(new SamplingOptions { Temperature = 1, Seed = seed }, stream, []);
            return [.. Enumerable.Range(0, 50).Select(_ => sampler.Choose(Logits))];
        }
    }

    [Test]
    public void An_infinite_logit_is_chosen_and_NaN_is_an_error()
    {
        var sampler = new Sampler(new SamplingOptions { Temperature = 1 }, 0, []);

        Assert.That(sampler.Choose([0f, float.PositiveInfinity]), Is.EqualTo(1));
        Assert.That(sampler.Choose([float.NegativeInfinity, 0f]), Is.EqualTo(1));
        Assert.That(() => sampler.Choose([0f, float.NaN]), Throws.InstanceOf<InterfuseException>().With.Message.Contains("not a number"));
    }

    [Test]
    public void Values_outside_their_ranges_are_refused()
    {
        SamplingOptions[] wrong =
        [
            new() { Temperature = -0.1 }, new() { Temperature = double.NaN }, new() { Temperature = double.PositiveInfinity },
            new() { TopK = -1 }, new() { TopP = 0 }, new() { TopP = 1.1 }, new() { MinP = -0.1 }, new() { MinP = 1.1 },
            new() { RepetitionPenalty = 0 },
        ];

        Assert.Multiple(() => Array.ForEach(
            wrong, options => Assert.That(options.Check, Throws.InstanceOf<ArgumentOutOfRangeException>(), options.ToString())));
    }

    private static double[] Shares(SamplingOptions options)
    {
        var sampler = new Sampler(options, 0, []);
        double[] shares = new double[Logits.Length];
        for (int draw = 0; draw < Draws; draw++)
        {
            shares[sampler.Choose(Logits)] += 1.0 / Draws;
        }

        return shares;
    }
}
