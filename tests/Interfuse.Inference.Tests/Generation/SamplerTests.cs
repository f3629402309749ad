using Interfuse.Inference.Generation;

namespace Interfuse.Inference.Tests.Generation;

public sealed class SamplerTests
{
    private const int Draws = 20_000;

    private static readonly float[] Logits = [1f, 3f, -2f, 3f, 0f, 2f];

    [Test]
    public void Greedy_takes_the_likeliest_and_of_equals_the_lowest()
    {
        Assert.That(Make(SamplingOptions.Greedy).Choose(Logits), Is.EqualTo(1));
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

        Assert.That(Make(options, 1, 3).Choose(Logits), Is.EqualTo(5), "3 / 2 is less than 2");
        Assert.That(Make(options, 0).Choose([-1f, -1.5f]), Is.EqualTo(1), "-1 * 2 is less than -1.5");
        var sampler = Make(options);
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
            var sampler = new Sampler(new SamplingOptions { Temperature = 1, Seed = seed }, stream, [], new SamplingMemory());
            return [.. Enumerable.Range(0, 50).Select(_ => sampler.Choose(Logits))];
        }
    }

    [Test]
    public void An_infinite_logit_is_chosen_and_NaN_is_an_error()
    {
        var sampler = Make(new SamplingOptions { Temperature = 1 });

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
            new() { RepetitionPenalty = 0 }, new() { FrequencyPenalty = 2.1 }, new() { FrequencyPenalty = double.NaN },
            new() { PresencePenalty = -2.1 }, new() { LogitBias = new Dictionary<int, double> { [3] = 101 } },
            new() { LogitBias = new Dictionary<int, double> { [-1] = 1 } },
            new() { LogitBias = new Dictionary<int, double> { [3] = double.NegativeInfinity } },
        ];

        Assert.Multiple(() => Array.ForEach(
            wrong, options => Assert.That(options.Check, Throws.InstanceOf<ArgumentOutOfRangeException>(), options.ToString())));
    }

    [Test]
    public void A_token_is_less_likely_by_how_often_it_was_answered_and_by_a_bias()
    {
        Sampler often = Make(new SamplingOptions { FrequencyPenalty = 0.75 }, 1, 3);
        Sampler once = Make(new SamplingOptions { PresencePenalty = 1.5 }, 1, 3);
        Sampler biased = Make(new SamplingOptions { LogitBias = new Dictionary<int, double> { [2] = 5.5, [1] = -100 } });

        // 3 3 2.25 2.25 (2) 1.5 1.5, and 2 - 0.75: prompts don't count.
        Assert.That(Enumerable.Range(0, 7).Select(_ => often.Choose(Logits)), Is.EqualTo([1, 3, 1, 3, 5, 1, 3]));
        Assert.That(Enumerable.Range(0, 5).Select(_ => once.Choose(Logits)), Is.EqualTo([1, 3, 5, 1, 1]));
        Assert.That(biased.Choose(Logits), Is.EqualTo(2));
    }

    [Test]
    public void Every_choice_is_that_of_sorted_lists([Range(0, 19)] int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 60; round++)
        {
            int count = 1 + random.Next(round % 10 == 0 ? 300 : 40);
            int[] prompt = [.. Enumerable.Range(0, random.Next(5)).Select(_ => random.Next(count))];
            var options = new SamplingOptions
            {
                Temperature = Pick(random, 0, 1, 0.3, 2.5, 1e-40, 1e300),
                TopK = random.Next(2) * random.Next(count + 3),
                TopP = Pick(random, 1, 1, 0.9, 0.3, 1e-9, 0.999999),
                MinP = Pick(random, 0, 0, 0.05, 0.7, 1),
                RepetitionPenalty = Pick(random, 1, 1, 1.3, 0.5),
                FrequencyPenalty = Pick(random, 0, 0.5, -2, 1.1),
                PresencePenalty = Pick(random, 0, 0, 0.4, -1),
                LogitBias = Enumerable.Repeat(random.Next(count), random.Next(2)).ToDictionary(
                    token => token, _ => Pick(random, -100, 3, 0.1)),
                Seed = (ulong)random.Next(),
            };
            float[] kinds = [float.NegativeInfinity, 0f, -0f, 1f, 1f, -1e38f, 1e-42f, 3.25f];
            float[] logits = [.. Enumerable.Range(0, count).Select(_ => random.Next(3) == 0
                ? kinds[random.Next(kinds.Length)]
                : (float)Math.Round(random.NextDouble() * 8, random.Next(1, 6)))];
            var judge = new PlainSampler(options, 7, prompt);
            var sampler = new Sampler(options, 7, prompt, new SamplingMemory());

            int[] expected = [.. Enumerable.Range(0, 12).Select(_ => judge.Choose(logits))];
            Assert.That(Enumerable.Range(0, 12).Select(_ => sampler.Choose(logits)), Is.EqualTo(expected), $"{round}: {options}");
        }
    }

    [Test]
    public void The_greatest_is_found_in_any_place_and_any_NaN([Values(1, 2, 7, 8, 15, 16, 17, 31, 33, 64, 71)] int length)
    {
        for (int place = 0; place < length; place++)
        {
            float[] logits = [.. Enumerable.Repeat(-3f, length)];
            logits[place] = -1f;
            Assert.That(GreatestLogit.Find(logits), Is.EqualTo(place));

            logits[^1] = 0f;
            logits[place] = -0f;
            Assert.That(GreatestLogit.Find(logits), Is.EqualTo(place), "zeros are equal");

            logits[place] = float.NaN;
            Assert.That(() => GreatestLogit.Find(logits), Throws.InstanceOf<InterfuseException>());
        }

        Assert.That(GreatestLogit.Find([.. Enumerable.Repeat(float.NegativeInfinity, length)]), Is.Zero);
    }

    [Test]
    public void Choosing_allocates_nothing()
    {
        float[] logits = [.. Enumerable.Range(0, 5000).Select(i => (i * 37 % 1000) / 100f)];
        SamplingOptions[] all =
        [
            SamplingOptions.Greedy, new() { Temperature = 1 },
            new() { Temperature = 0.8, TopK = 50, TopP = 0.9, MinP = 0.01, LogitBias = new Dictionary<int, double> { [5] = 1 } },
        ];
        foreach (SamplingOptions options in all)
        {
            Sampler sampler = Make(options);
            sampler.Choose(logits);
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 100; i++)
            {
                sampler.Choose(logits);
            }

            Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero, options.ToString());
        }
    }

    private static double Pick(Random random, params double[] values) => values[random.Next(values.Length)];

    private static Sampler Make(SamplingOptions options, params int[] prompt) => new(options, 0, prompt, new SamplingMemory());

    private static double[] Shares(SamplingOptions options)
    {
        Sampler sampler = Make(options);
        double[] shares = new double[Logits.Length];
        for (int draw = 0; draw < Draws; draw++)
        {
            shares[sampler.Choose(Logits)] += 1.0 / Draws;
        }

        return shares;
    }
}
