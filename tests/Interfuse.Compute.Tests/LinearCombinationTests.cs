namespace Interfuse.Compute.Tests;

[EveryPath]
public class LinearCombinationTests(CpuPath path)
{
    private readonly CpuKernels _kernels = new(path);

    [Test]
    public void Each_product_and_sum_is_rounded_in_the_order_of_the_inputs([Values(1, 2, 3, 7)] int inputs)
    {
        foreach (int length in Blocks.Lengths)
        {
            int stride = length + 3;
            float[] data = Blocks.Mixed(inputs * stride, length);
            float[] weights = Blocks.Plain(inputs, length);
            float[] expected = new float[length];
            for (int i = 0; i < length; i++)
            {
                expected[i] = Formulas.Sum([.. weights.Select((weight, row) => weight * data[(row * stride) + i])]);
            }

            var destination = new Guarded<float>(length);
            _kernels.LinearCombination(new Rows(data, inputs, length, stride), weights, destination.Span);
            Expect.SameFloats(destination.Checked(), expected, $"{length} elements");
        }
    }

    [Test]
    public void The_result_is_within_the_roundings_of_the_exact_sum()
    {
        const int Inputs = 5, Length = 1024;
        float[] data = Blocks.Plain(Inputs * Length, 1);
        float[] weights = Blocks.Plain(Inputs, 2);
        float[] actual = new float[Length];
        _kernels.LinearCombination(new Rows(data, Inputs, Length, Length), weights, actual);
        for (int i = 0; i < Length; i++)
        {
            double[] products = [.. weights.Select((weight, row) => (double)weight * data[(row * Length) + i])];

            // One rounding per product and per sum, each at most half a unit of a partial sum.
            Expect.Close(actual[i], products.Sum(), products.Sum(Math.Abs), 2 * Inputs, $"element {i}");
        }
    }

    [Test]
    public void There_is_no_fused_multiply_add()
    {
        // x * x = 1 + 2^-11 + 2^-24: rounded before the addition, the last term is lost.
        float x = 1f + MathF.Pow(2, -12);
        float[] data = [.. Enumerable.Repeat(-1f, 20), .. Enumerable.Repeat(x, 20)];
        float[] actual = new float[20];
        _kernels.LinearCombination(new Rows(data, 2, 20, 20), [1f, x], actual);
        Assert.That(actual, Is.All.EqualTo(MathF.Pow(2, -11)));
    }

    [Test]
    public void The_destination_may_be_one_of_the_inputs()
    {
        float[] data = Blocks.Plain(3 * 50, 1);
        float[] expected = new float[50];
        _kernels.LinearCombination(new Rows(data, 3, 50, 50), [0.5f, 0.25f, 2f], expected);
        _kernels.LinearCombination(new Rows(data, 3, 50, 50), [0.5f, 0.25f, 2f], data.AsSpan(50, 50));
        Expect.SameFloats(data.AsSpan(50, 50), expected, "in place");
    }

    [TestCase(1)]
    [TestCase(-1)]
    public void Partial_overlap_is_refused(int shift) =>
        Assert.That(
            () =>
            {
                float[] data = new float[100];
                _kernels.LinearCombination(new Rows(data.AsSpan(40), 2, 20, 20), [1f, 1f], data.AsSpan(60 + shift, 20));
            },
            Throws.ArgumentException.With.Message.Contains("overlaps"));

    [TestCase(2, 3, 10)]
    [TestCase(0, 0, 10)]
    [TestCase(2, 2, 9)]
    public void Lengths_that_do_not_match_are_refused(int rows, int weights, int length) =>
        Assert.That(
            () => _kernels.LinearCombination(
                new Rows(new float[100], rows, 10, 10), new float[weights], new float[length]),
            Throws.ArgumentException);
}
