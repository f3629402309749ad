namespace Interfuse.Compute.Tests;

[EveryPath]
public class AddTaskVectorsTests(CpuPath path)
{
    private readonly CpuKernels _kernels = new(path);

    [Test]
    public void Experts_are_added_as_the_formula_says()
    {
        foreach (MergeCase merge in MergeCase.All())
        {
            var destination = new Guarded<float>(merge.Length);
            _kernels.AddTaskVectors(merge.Base, merge.Rows, merge.Terms, merge.Consensus, destination.Span);
            float[] expected = [.. merge.Base.Select((b, i) =>
                Formulas.Add(b, Formulas.Contributions(b, merge.At(i), merge.Terms), merge.Weights, merge.Consensus))];
            Expect.SameFloats(destination.Checked(), expected, merge.ToString());
        }
    }

    [Test]
    public void Ready_task_vectors_are_added_as_the_formula_says()
    {
        foreach (MergeCase merge in MergeCase.All())
        {
            var destination = new Guarded<float>(merge.Length);
            _kernels.AddReadyTaskVectors(merge.Base, merge.Rows, merge.Weights, merge.Consensus, destination.Span);
            float[] expected = [.. merge.Base.Select((b, i) => Formulas.Add(
                b, [.. merge.At(i).Zip(merge.Weights, (d, w) => w * d)], merge.Weights, merge.Consensus))];
            Expect.SameFloats(destination.Checked(), expected, merge.ToString());
        }
    }

    [Test]
    public void The_result_is_within_the_roundings_of_the_exact_merge()
    {
        const int Experts = 4;
        var consensus = new Consensus(Normalize: true, Lambda: 0.6f, ZeroSum.Positive);
        MergeCase merge = MergeCase.Make(Blocks.Plain, 1024, Experts, consensus, 5);
        BlockTerm[] terms = [new(0.3f, 2f), new(0.9f), new(1.5f, 0.5f), new(1f)];
        float[] actual = new float[merge.Length];
        _kernels.AddTaskVectors(merge.Base, merge.Rows, terms, consensus, actual);
        for (int i = 0; i < merge.Length; i++)
        {
            double b = merge.Base[i];
            double[] values = [.. merge.At(i).Zip(terms, (x, t) => (double)t.Weight * t.Scale * (x - b))];
            double factor = 0.6f / terms.Sum(t => (double)t.Weight);

            // Per expert a difference, two products and two sums (values and weights); then quotient, lambda and base.
            double magnitude = Math.Abs(b) + (factor * values.Sum(Math.Abs));
            Expect.Close(actual[i], b + (factor * values.Sum()), magnitude, (5 * Experts) + 3, $"element {i}");
        }
    }

    [TestCase(0.5f, -0.5f)]
    [TestCase(6e-9f, 3e-9f)]
    public void Weights_that_cancel_do_not_divide(float first, float second)
    {
        float[] actual = new float[40];
        float[] data = [.. Enumerable.Repeat(3f, 40), .. Enumerable.Repeat(1f, 40)];
        var consensus = new Consensus(Normalize: true, Lambda: 1f, ZeroSum.Positive);
        _kernels.AddReadyTaskVectors(new float[40], new Rows(data, 2, 40, 40), [first, second], consensus, actual);
        Assert.That(actual, Is.All.EqualTo((first * 3f) + second));
    }

    [Test]
    public void The_destination_may_be_the_base_or_an_expert()
    {
        MergeCase merge = MergeCase.Make(Blocks.Plain, 77, 3, new Consensus(true, 1f, ZeroSum.Positive), 9);
        float[] expected = new float[merge.Length];
        _kernels.AddTaskVectors(merge.Base, merge.Rows, merge.Terms, merge.Consensus, expected);

        float[] inBase = [.. merge.Base];
        _kernels.AddTaskVectors(inBase, merge.Rows, merge.Terms, merge.Consensus, inBase);
        Expect.SameFloats(inBase, expected, "in place of the base");

        Span<float> expert = merge.Data.AsSpan(merge.Stride, merge.Length);
        _kernels.AddTaskVectors(merge.Base, merge.Rows, merge.Terms, merge.Consensus, expert);
        Expect.SameFloats(expert, expected, "in place of an expert");
    }

    [TestCase(9, 2, 10)]
    [TestCase(10, 3, 10)]
    [TestCase(10, 2, 9)]
    [TestCase(10, 0, 10)]
    public void Lengths_that_do_not_match_are_refused(int baseLength, int terms, int destination)
    {
        int rows = terms == 0 ? 0 : 2;
        Assert.That(
            () => _kernels.AddTaskVectors(
                new float[baseLength],
                new Rows(new float[20], rows, 10, 10),
                new BlockTerm[terms],
                default,
                new float[destination]),
            Throws.ArgumentException);
        Assert.That(
            () => _kernels.AddReadyTaskVectors(
                new float[baseLength],
                new Rows(new float[20], rows, 10, 10),
                new float[terms],
                default,
                new float[destination]),
            Throws.ArgumentException);
    }
}
