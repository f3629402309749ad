namespace Interfuse.Compute.Tests;

public class ExpTests
{
    [Test]
    public void The_exponential_is_within_two_units_of_the_last_place()
    {
        double worst = 0;
        for (long bits = 0; bits < 0x42B2_0000; bits += 1009)
        {
            float magnitude = BitConverter.UInt32BitsToSingle((uint)bits);
            foreach (float x in new[] { magnitude, -magnitude })
            {
                double truth = Math.Exp(x);
                if (x <= 88.72283f && x >= -87.33654f)
                {
                    double unit = Math.ScaleB(1, Math.ILogB(truth) - 23);
                    worst = Math.Max(worst, Math.Abs(CpuKernels.Exp(x) - truth) / unit);
                }
            }
        }

        TestContext.Out.WriteLine($"at most {worst:F3} units");
        Assert.That(worst, Is.LessThan(2));
    }

    [TestCase(0f, 1f)]
    [TestCase(-0f, 1f)]
    [TestCase(float.Epsilon, 1f)]
    [TestCase(-float.Epsilon, 1f)]
    [TestCase(float.NegativeInfinity, 0f)]
    [TestCase(float.MinValue, 0f)]
    [TestCase(-87.33655f, 0f)]
    [TestCase(88.72284f, float.PositiveInfinity)]
    [TestCase(float.MaxValue, float.PositiveInfinity)]
    [TestCase(float.PositiveInfinity, float.PositiveInfinity)]
    [TestCase(float.NaN, float.NaN)]
    public void Values_at_the_ends_are_exact(float x, float expected)
    {
        Expect.SameFloats([CpuKernels.Exp(x)], [expected], $"e^{x}");
        Assert.That(float.IsNegative(CpuKernels.Exp(x)), Is.EqualTo(float.IsNegative(expected)));
    }

    [TestCase(-87.33654f)]
    [TestCase(88.72283f)]
    public void The_last_finite_values_are_normal(float x) =>
        Assert.That(float.IsNormal(CpuKernels.Exp(x)), $"{CpuKernels.Exp(x)}");

    [Test]
    public void Weights_of_a_softmax_are_the_exponentials_of_quotients_on_every_path(
        [Values] CpuPath path, [Values(0, 1, 7, 16, 33, 70)] int length, [Values(1f, 0.3f, 1.1754944E-38f, float.MaxValue)] float divisor)
    {
        var random = new Random(length);
        float[] ends = [float.NegativeInfinity, float.NaN, -0f, 0f, float.Epsilon, float.MinValue, 3.5f];
        float[] x = [.. Enumerable.Range(0, length).Select(i => i % 5 == 4 ? ends[i % 7] : (random.NextSingle() * 40) - 36)];
        float[] y = new float[length];
        new CpuKernels(path).Exp(x, 3.5f, divisor, y);

        Expect.SameFloats(y, [.. x.Select(value => CpuKernels.Exp((value - 3.5f) / divisor))], $"divided by {divisor}");
    }

    [Test]
    public void Weights_are_refused_a_place_that_does_not_fit()
    {
        float[] x = new float[8];
        Assert.That(() => new CpuKernels().Exp(x, 0, 1, new float[7]), Throws.ArgumentException);
        Assert.That(() => new CpuKernels().Exp(x.AsSpan(0, 6), 0, 1, x.AsSpan(1, 6)), Throws.ArgumentException);
    }
}
