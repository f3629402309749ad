using Interfuse.Experts.Routing;

namespace Interfuse.Experts.Tests.Routing;

public sealed class RouterTrainerTests
{
    [Test]
    public void Clouds_apart_are_told_apart_and_what_lies_elsewhere_is_far()
    {
        RouterTraining training = Clouds.Train();
        RouterSample[] others = Clouds.Samples(experts: 3, each: 200, spread: 0.2);
        PackRouter router = training.Router;

        Assert.Multiple(() =>
        {
            Assert.That(training.Converged);
            Assert.That(router.Facts.Accuracy, Is.EqualTo(1));
            Assert.That(training.Confusion, Is.EqualTo((int[][])[[12, 0, 0], [0, 12, 0], [0, 0, 12]]));
            Assert.That((router.Facts.TrainingPrompts, router.Facts.HeldOutPrompts), Is.EqualTo((144, 36)));
            Assert.That(router.Facts.ErrorAfter, Is.LessThan(router.Facts.ErrorBefore));
            Assert.That(others.Count(sample => router.Score(sample.Features.Span).Best == sample.Expert), Is.EqualTo(others.Length));
            Assert.That(others.Count(sample => router.Score(sample.Features.Span).IsFar), Is.LessThan(others.Length / 50));
            Assert.That(router.Score(new float[Clouds.Width].Select(_ => 5f).ToArray()).IsFar);
            Assert.That(router.Score(new float[Clouds.Width].Select(_ => float.MaxValue).ToArray()).IsFar);
        });
    }

    [Test]
    public void Clouds_that_overlap_make_for_doubt_that_is_right()
    {
        RouterTraining training = Clouds.Train(experts: 4, each: 500, spread: 1);
        PackRouter router = training.Router;
        RouterSample[] others = Clouds.Samples(experts: 4, each: 1000, spread: 1);
        RouteScores[] scores = [.. others.Select(sample => router.Score(sample.Features.Span))];

        double right = scores.Where((score, i) => score.Best == others[i].Expert).Count() / (double)scores.Length;
        double sure = scores.Average(score => score.Probabilities[score.Best]);
        Assert.Multiple(() =>
        {
            Assert.That(right, Is.InRange(0.5, 0.98));
            Assert.That(sure, Is.EqualTo(right).Within(0.04));
            Assert.That(scores.Select(score => score.Probabilities.Sum()), Has.All.EqualTo(1).Within(1e-12));
            Assert.That(router.Facts.Accuracy, Is.EqualTo(right).Within(0.06));
            Assert.That(router.Marks.High, Is.InRange(0.75, 1));
            Assert.That(training.Confusion.Sum(row => row.Sum()), Is.EqualTo(router.Facts.HeldOutPrompts));
        });
    }

    [Test]
    public void The_same_prompts_give_the_same_bytes_on_any_number_of_threads()
    {
        byte[] expected = RouterFile.Write(Clouds.Train().Router);
        var alone = new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, maxConcurrencyLevel: 1);

        byte[] onOne = Task.Factory.StartNew(
            () => RouterFile.Write(Clouds.Train().Router), CancellationToken.None, TaskCreationOptions.None,
            alone.ExclusiveScheduler).GetAwaiter().GetResult();

        Assert.That(RouterFile.Write(Clouds.Train().Router), Is.EqualTo(expected));
        Assert.That(onOne, Is.EqualTo(expected));
    }

    [Test]
    public void A_seed_decides_what_is_held_out_and_every_expert_gives_its_share()
    {
        int[] classes = [.. Enumerable.Range(0, 100).Select(i => i < 30 ? 0 : 1)];
        (int[] training, int[] held) = HeldOutSplit.Of(["a", "b"], classes, share: 0.2, seed: 1);

        Assert.That(held.Count(sample => sample < 30), Is.EqualTo(6));
        Assert.That(held, Has.Length.EqualTo(20).And.Ordered);
        Assert.That(training.Concat(held), Is.EquivalentTo(Enumerable.Range(0, 100)));
        Assert.That(HeldOutSplit.Of(["a", "b"], classes, 0.2, seed: 1).HeldOut, Is.EqualTo(held));
        Assert.That(HeldOutSplit.Of(["a", "b"], classes, 0.2, seed: 2).HeldOut, Is.Not.EqualTo(held));
    }

    [Test]
    public void Features_that_are_all_but_the_same_everywhere_do_no_harm()
    {
        RouterSample[] samples =
        [
            .. Clouds.Samples(3, 40, 0.2).Select(sample => sample with { Features = (float[])[7, .. sample.Features.ToArray()] }),
        ];

        PackRouter router = RouterTrainer.Train(Clouds.Pack("a", "b", "c"), new(0), samples, new()).Router;

        Assert.That(router.Facts.Accuracy, Is.EqualTo(1));
        Assert.That(router.Weights.Scale, Has.All.Positive.And.All.LessThan(float.PositiveInfinity));
    }

    [Test]
    public void One_expert_leaves_nothing_to_choose()
    {
        Refused(() => RouterTrainer.Train(Clouds.Pack("only"), new(0), Clouds.Samples(1, 10, 1), new()), "'only' only", "two experts");
    }

    [Test]
    public void An_expert_with_too_few_prompts_is_named()
    {
        RouterSample[] few = [.. Clouds.Samples(2, 10, 1).Take(12)];

        Refused(() => RouterTrainer.Train(Clouds.Pack("a", "b"), new(0), few, new()), "'b' has 2 prompts", "give more prompts");
        Refused(() => RouterTrainer.Train(Clouds.Pack("a", "b"), new(0), few[..10], new()), "'b' has 0 prompts");
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void Features_that_are_no_numbers_are_refused_with_their_prompt(float value)
    {
        RouterSample[] samples = Clouds.Samples(2, 10, 1);
        float[] broken = samples[13].Features.ToArray();
        broken[3] = value;
        samples[13] = samples[13] with { Features = broken };

        Refused(() => RouterTrainer.Train(Clouds.Pack("a", "b"), new(0), samples, new()), "1.jsonl, line 4", "no finite number");
        Refused(() => Clouds.Train().Router.Score(broken), "no finite number", "choose an expert by name");
    }

    [Test]
    public void Features_that_are_all_the_same_are_refused()
    {
        RouterSample[] samples = [.. Clouds.Samples(2, 10, 1).Select(sample => sample with { Features = new float[Clouds.Width] })];

        Refused(() => RouterTrainer.Train(Clouds.Pack("a", "b"), new(0), samples, new()), "features of all prompts are the same");
    }

    [Test]
    public void Options_out_of_range_are_refused()
    {
        RouterTrainingOptions[] bad =
        [
            new() { HeldOut = 0 }, new() { HeldOut = 1 }, new() { HeldOut = double.NaN }, new() { Penalty = 0 },
            new() { Penalty = double.PositiveInfinity }, new() { MaxIterations = 0 }, new() { Marks = new(0.5, 0.2, 0.9) },
        ];
        foreach (RouterTrainingOptions options in bad)
        {
            Assert.That(
                () => RouterTrainer.Train(Clouds.Pack("a", "b"), new(0), Clouds.Samples(2, 10, 1), options),
                Throws.ArgumentException,
                $"{options}");
        }
    }

    [Test]
    public void Features_of_another_length_are_refused()
    {
        Assert.That(() => Clouds.Train().Router.Score(new float[3]), Throws.ArgumentException.With.Message.Contains("3 features"));
    }

    private static void Refused(Action action, params string[] fragments)
    {
        var error = Assert.Throws<InterfuseException>(action);
        foreach (string fragment in fragments)
        {
            Assert.That(error!.Message, Does.Contain(fragment));
        }
    }
}
