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
}
