using Interfuse.Experts.Routing;

namespace Interfuse.Experts.Tests.Routing;

public sealed class CalibrationTests
{
    [Test]
    public void The_error_is_how_far_confidence_is_from_being_right()
    {
        // Two samples sure by 0.9, one of them right; two by 0.6, both right: (|1.8 - 1| + |1.2 - 2|) / 4.
        double[][] scores = [Score(0.9, 0.1), Score(0.1, 0.9), Score(0.6, 0.4), Score(0.4, 0.6)];

        Assert.That(Calibration.ExpectedError(scores, [0, 0, 0, 1], temperature: 1), Is.EqualTo(0.4).Within(1e-12));
        Assert.That(Calibration.ExpectedError([Score(1 - 1e-12, 1e-12)], [0], temperature: 1), Is.Zero.Within(1e-9));
    }

    [TestCase(0.25)]
    [TestCase(4)]
    public void Scores_that_are_off_by_a_factor_get_that_as_their_temperature(double factor)
    {
        var random = new Random(1);
        double[][] scores = [.. Enumerable.Range(0, 20000).Select(_ => (double[])[random.NextDouble() * 3, random.NextDouble() * 3, 0])];
        int[] classes = [.. scores.Select(score => Draw(random, Calibration.Probabilities(score, 1)))];
        double[][] scaled = [.. scores.Select(score => score.Select(value => value * factor).ToArray())];

        double temperature = Calibration.Temperature(scaled, classes);

        Assert.That(temperature, Is.EqualTo(factor).Within(5).Percent);
        Assert.That(
            Calibration.ExpectedError(scaled, classes, temperature),
            Is.LessThan(0.02).And.LessThan(Calibration.ExpectedError(scaled, classes, 1)));
    }

    [Test]
    public void A_class_that_is_always_right_does_not_make_the_router_certain()
    {
        double[][] scores = [.. Enumerable.Range(0, 98).Select(i => (double[])(i % 2 == 0 ? [1, 0] : [0, 1]))];
        int[] classes = [.. Enumerable.Range(0, 98).Select(i => i % 2)];

        double temperature = Calibration.Temperature(scores, classes);

        // After 98 right ones of 98, half a wrong one of 99 is to be expected.
        Assert.That(Calibration.Probabilities([1, 0], temperature)[1], Is.EqualTo(0.5 / 99).Within(1e-6));
    }

    [Test]
    public void Scores_that_tell_nothing_have_a_temperature_all_the_same()
    {
        Assert.That(Calibration.Temperature([[0, 0], [0, 0]], [0, 1]), Is.InRange(1.0 / 64, 64));
        Assert.That(Calibration.Temperature([[0, 9], [9, 0]], [0, 1]), Is.EqualTo(64).Within(1e-6));
    }

    private static double[] Score(params double[] probabilities) => [.. probabilities.Select(probability => Math.Log(probability))];

    private static int Draw(Random random, double[] probabilities)
    {
        double left = random.NextDouble();
        int k = 0;
        while (k < probabilities.Length - 1 && (left -= probabilities[k]) > 0)
        {
            k++;
        }

        return k;
    }
}
