namespace Interfuse.Compute.Tests;

[EveryPath]
public class ElectAndMergeTests(CpuPath path)
{
    private static readonly Consensus Paper = new(Normalize: true, Lambda: 1f, ZeroSum.NoMajority);

    private readonly CpuKernels _kernels = new(path);

    [Test]
    public void Experts_are_elected_and_merged_as_the_formula_says()
    {
        foreach (MergeCase merge in MergeCase.All())
        {
            var destination = new Guarded<float>(merge.Length);
            _kernels.ElectAndMerge(merge.Base, merge.Rows, merge.Terms, merge.Consensus, destination.Span);
            float[] expected = [.. merge.Base.Select((b, i) => Formulas.Elect(
                b, Formulas.Contributions(b, merge.At(i), merge.Terms), merge.Weights, merge.Consensus))];
            Expect.SameFloats(destination.Checked(), expected, merge.ToString());
        }
    }

    [Test]
    public void Ready_task_vectors_are_elected_and_merged_as_the_formula_says()
    {
        foreach (MergeCase merge in MergeCase.All())
        {
            var destination = new Guarded<float>(merge.Length);
            _kernels.ElectAndMergeReady(merge.Base, merge.Rows, merge.Weights, merge.Consensus, destination.Span);
            float[] expected = [.. merge.Base.Select((b, i) => Formulas.Elect(
                b, [.. merge.At(i).Zip(merge.Weights, (d, w) => w * d)], merge.Weights, merge.Consensus))];
            Expect.SameFloats(destination.Checked(), expected, merge.ToString());
        }
    }

    [Test]
    public void Exact_values_merge_as_in_float64()
    {
        const int Experts = 5;
        MergeCase merge = MergeCase.Make(Blocks.Coarse, 1024, Experts, Paper, 3);
        BlockTerm[] terms = [new(1f), new(2f, 0.5f), new(0.5f), new(1f, 1f, Formulas.Magnitude(1f)), new(0.25f)];
        float[] actual = new float[merge.Length];
        _kernels.ElectAndMerge(merge.Base, merge.Rows, terms, Paper, actual);
        for (int i = 0; i < merge.Length; i++)
        {
            double b = merge.Base[i];
            (double Value, double Weight)[] votes = [.. merge.At(i).Zip(terms, (x, t) =>
            {
                double kept = Math.Abs(x - b) < (t.MinimumBits == 0 ? 0 : 1) ? 0 : x - b;
                return (t.Weight * t.Scale * kept, (double)t.Weight);
            })];
            int majority = Math.Sign(votes.Sum(v => v.Value));
            var winners = votes.Where(v => v.Value != 0 && Math.Sign(v.Value) == majority).ToArray();
            double delta = winners.Length == 0 ? 0 : winners.Sum(v => v.Value) / winners.Sum(v => v.Weight);

            // Only the quotient and the last sum are inexact.
            Expect.Close(actual[i], b + delta, Math.Abs(b) + Math.Abs(delta), 2, $"element {i}");
        }
    }

    [TestCase(ZeroSum.NoMajority, 10f)]
    [TestCase(ZeroSum.Positive, 12f)]
    public void A_zero_sum_elects_what_the_caller_says(ZeroSum zeroSum, float expected) =>
        Assert.That(Merge(10f, [2f, -2f], [1f, 1f], Paper with { ZeroSum = zeroSum }), Is.EqualTo(expected));

    [Test]
    public void Experts_that_disagree_or_are_zero_have_no_share_in_the_mean() =>
        Assert.That(Merge(1f, [3f, 5f, -6f, 0f], [1f, 1f, 1f, 1f], Paper), Is.EqualTo(1f + 4f));

    [Test]
    public void Agreeing_weights_that_cancel_do_not_divide() =>
        Assert.That(Merge(0f, [4f, -2f], [1f, -1f], Paper), Is.EqualTo(6f));

    [TestCase(float.NaN, 1f)]
    [TestCase(float.PositiveInfinity, float.NegativeInfinity)]
    public void A_sum_that_is_no_number_gives_nan(float first, float second) =>
        Assert.That(Merge(1f, [first, second, 1f], [1f, 1f, 1f], Paper), Is.NaN);

    [Test]
    public void The_destination_may_be_the_base_or_an_expert()
    {
        MergeCase merge = MergeCase.Make(Blocks.Plain, 77, 3, Paper, 9);
        float[] expected = new float[merge.Length];
        _kernels.ElectAndMerge(merge.Base, merge.Rows, merge.Terms, Paper, expected);

        float[] inBase = [.. merge.Base];
        _kernels.ElectAndMerge(inBase, merge.Rows, merge.Terms, Paper, inBase);
        Expect.SameFloats(inBase, expected, "in place of the base");

        Span<float> expert = merge.Data.AsSpan(merge.Stride, merge.Length);
        _kernels.ElectAndMerge(merge.Base, merge.Rows, merge.Terms, Paper, expert);
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
            () => _kernels.ElectAndMerge(
                new float[baseLength],
                new Rows(new float[20], rows, 10, 10),
                new BlockTerm[terms],
                Paper,
                new float[destination]),
            Throws.ArgumentException);
        Assert.That(
            () => _kernels.ElectAndMergeReady(
                new float[baseLength],
                new Rows(new float[20], rows, 10, 10),
                new float[terms],
                Paper,
                new float[destination]),
            Throws.ArgumentException);
    }

    // Merges one value, in every lane of a block, and expects all lanes to agree.
    private float Merge(float baseValue, float[] deltas, float[] weights, Consensus consensus)
    {
        const int Length = 37;
        float[] data = [.. deltas.SelectMany(delta => Enumerable.Repeat(delta, Length))];
        float[] actual = new float[Length];
        float[] baseValues = [.. Enumerable.Repeat(baseValue, Length)];
        var rows = new Rows(data, deltas.Length, Length, Length);
        _kernels.ElectAndMergeReady(baseValues, rows, weights, consensus, actual);
        Assert.That(actual, Is.All.EqualTo(actual[0]));
        return actual[0];
    }
}
