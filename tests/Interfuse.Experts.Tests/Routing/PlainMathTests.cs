using Interfuse.Experts.Routing;

namespace Interfuse.Experts.Tests.Routing;

public sealed class PlainMathTests
{
    // Of the system's own, which is off by one at most itself.
    private const double Ulps = 3;

    [Test]
    public void The_exponential_is_the_systems_within_rounding()
    {
        var random = new Random(1);
        for (int i = 0; i < 20000; i++)
        {
            double x = (random.NextDouble() - 0.5) * (i % 2 == 0 ? 1400 : 4);
            double expected = Math.Exp(x);
            Assert.That(PlainMath.Exp(x), Is.EqualTo(expected).Within(Ulps * (Math.BitIncrement(expected) - expected)), $"{x:R}");
        }

        Assert.Multiple(() =>
        {
            Assert.That(PlainMath.Exp(0), Is.EqualTo(1));
            Assert.That(PlainMath.Exp(-0.0), Is.EqualTo(1));
            Assert.That(PlainMath.Exp(-800), Is.Zero);
            Assert.That(PlainMath.Exp(double.NegativeInfinity), Is.Zero);
            Assert.That(PlainMath.Exp(800), Is.EqualTo(double.PositiveInfinity));
            Assert.That(PlainMath.Exp(double.NaN), Is.NaN);
        });
    }

    [Test]
    public void The_logarithm_is_the_systems_within_rounding()
    {
        var random = new Random(2);
        for (int i = 0; i < 20000; i++)
        {
            double x = i % 2 == 0 ? Math.Pow(2, (random.NextDouble() - 0.5) * 2000) : 1 + ((random.NextDouble() - 0.5) / 8);
            double expected = Math.Log(x);
            double ulp = Math.BitIncrement(Math.Abs(expected)) - Math.Abs(expected);
            Assert.That(PlainMath.Log(x), Is.EqualTo(expected).Within(Ulps * ulp), $"{x:R}");
        }

        Assert.That(PlainMath.Log(1), Is.Zero);
    }

    [Test]
    public void Softmax_stands_scores_of_any_size()
    {
        double[] scores = [1000, 1000 + Math.Log(3), -1000];

        double logarithm = PlainMath.Softmax(scores);

        Assert.That(scores, Is.EqualTo([0.25, 0.75, 0]).Within(1e-12));
        Assert.That(logarithm, Is.EqualTo(1000 + Math.Log(4)).Within(1e-9));
    }
}
