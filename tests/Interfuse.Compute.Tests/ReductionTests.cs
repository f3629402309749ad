namespace Interfuse.Compute.Tests;

[EveryPath]
public class ReductionTests(CpuPath path)
{
    private readonly CpuKernels _kernels = new(path);

    [Test]
    public void The_dot_products_add_in_the_canonical_order()
    {
        foreach (int length in Blocks.Lengths)
        {
            float[] a = Blocks.Plain(length, length);
            float[] b = Blocks.Plain(length, length + 1);
            DotProducts expected = new(Canonical(a, a), Canonical(b, b), Canonical(a, b));
            Assert.That(_kernels.Dot(a, b), Is.EqualTo(expected), $"{length} elements");
        }
    }

    [Test]
    public void The_absolute_sum_adds_in_the_canonical_order()
    {
        foreach (int length in Blocks.Lengths)
        {
            float[] values = Blocks.Plain(length, length);
            double expected = Canonical(values, Signs(values));
            Assert.That(_kernels.AbsoluteSum(values), Is.EqualTo(expected), $"{length} elements");
        }
    }

    [Test]
    public void Squares_and_agreements_add_as_the_products_of_their_parts_do()
    {
        foreach (int length in Blocks.Lengths)
        {
            float[] a = Blocks.Plain(length, length);
            float[] b = Blocks.Plain(length, length + 1);
            var expected = new AgreementSums(
                Canonical(a, Signs(a)), Canonical(b, Signs(b)), Canonical(a, a), Canonical(b, b), Canonical(a, b));
            Assert.That(_kernels.SumAgreement(a, b), Is.EqualTo(expected), $"{length} elements");
            Assert.That(_kernels.SquareSum(a), Is.EqualTo(expected.DeltaEnergy), $"{length} elements");
        }
    }

    [Test]
    public void Other_orders_give_other_bits_so_that_the_order_is_proven()
    {
        float[] a = Blocks.Plain(1024, 1);
        double sequential = 0;
        foreach (float value in a)
        {
            sequential += (double)value * value;
        }

        Assert.That(sequential, Is.Not.EqualTo(_kernels.Dot(a, a).AA));
        Assert.That(sequential, Is.EqualTo(_kernels.Dot(a, a).AA).Within(1e-12).Percent);
    }

    [Test]
    public void Nan_and_infinity_reach_the_sums()
    {
        float[] values = Blocks.Plain(40, 1);
        values[35] = float.NegativeInfinity;
        Assert.That(_kernels.AbsoluteSum(values), Is.EqualTo(double.PositiveInfinity));
        values[3] = float.NaN;
        Assert.That(_kernels.AbsoluteSum(values), Is.NaN);
        Assert.That(_kernels.Dot(values, Blocks.Plain(40, 2)).AB, Is.NaN);
    }

    [Test]
    public void Products_of_parts_add_up() =>
        Assert.That(new DotProducts(1, 2, 3) + new DotProducts(10, 20, 30), Is.EqualTo(new DotProducts(11, 22, 33)));

    [Test]
    public void Lengths_that_do_not_match_are_refused() =>
        Assert.That(() => _kernels.Dot(new float[3], new float[4]), Throws.ArgumentException);

    private static float[] Signs(float[] values) => Array.ConvertAll(values, value => value < 0 ? -1f : 1f);

    private static double Canonical(float[] a, float[] b)
    {
        double[] lanes = new double[16];
        for (int i = 0; i < a.Length; i++)
        {
            lanes[i % 16] += (double)a[i] * b[i];
        }

        double[] eight = [.. lanes[..8].Zip(lanes[8..], (x, y) => x + y)];
        double[] four = [.. eight[..4].Zip(eight[4..], (x, y) => x + y)];
        return (four[0] + four[2]) + (four[1] + four[3]);
    }
}
