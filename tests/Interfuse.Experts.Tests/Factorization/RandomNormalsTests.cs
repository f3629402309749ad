using Interfuse.Experts.Factorization;

namespace Interfuse.Experts.Tests.Factorization;

public class RandomNormalsTests
{
    [Test]
    public void The_logarithm_is_that_of_the_library_but_for_the_last_bits()
    {
        var random = new Random(1);
        for (int i = 0; i < 20_000; i++)
        {
            double value = Math.Pow(random.NextDouble(), 1 + (i % 40));
            if (double.IsNormal(value))
            {
                Assert.That(RandomNormals.Logarithm(value), Is.EqualTo(Math.Log(value)).Within(4).Ulps.Or
                    .EqualTo(Math.Log(value)).Within(1e-15));
            }
        }

        Assert.That(RandomNormals.Logarithm(1), Is.Zero);
    }

    [Test]
    public void Numbers_have_the_moments_of_a_normal_distribution_and_do_not_follow_each_other()
    {
        float[] values = new float[1_000_001];
        RandomNormals.Fill(3, 5, values);
        double Mean(Func<float, double> of) => values.Average(value => of(value));

        Assert.That(Mean(x => x), Is.Zero.Within(0.005));
        Assert.That(Mean(x => x * (double)x), Is.EqualTo(1).Within(0.01));
        Assert.That(Mean(x => Math.Pow(x, 3)), Is.Zero.Within(0.02));
        Assert.That(Mean(x => Math.Pow(x, 4)), Is.EqualTo(3).Within(0.05));
        Assert.That(values.Count(x => Math.Abs(x) < 0.6744898f) / (double)values.Length, Is.EqualTo(0.5).Within(0.002));
        Assert.That(values.Zip(values.Skip(1)).Average(pair => pair.First * (double)pair.Second), Is.Zero.Within(0.005));
    }

    [Test]
    public void Seed_and_stream_decide_and_nothing_else()
    {
        float[] one = new float[10_000];
        float[] other = new float[10_000];
        RandomNormals.Fill(1, 2, one);
        RandomNormals.Fill(1, 2, other);
        Assert.That(other, Is.EqualTo(one));
        RandomNormals.Fill(1, 3, other);
        Assert.That(other, Is.Not.EqualTo(one));
        RandomNormals.Fill(2, 2, other);
        Assert.That(other, Is.Not.EqualTo(one));
        RandomNormals.Fill(1, 2, other.AsSpan(0, 77));
        Assert.That(other[..77], Is.EqualTo(one[..77]));
    }
}
