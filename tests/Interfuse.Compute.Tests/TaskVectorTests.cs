namespace Interfuse.Compute.Tests;

[EveryPath]
public class TaskVectorTests(CpuPath path)
{
    private readonly CpuKernels _kernels = new(path);

    [Test]
    public void A_task_vector_is_the_difference_without_its_small_values()
    {
        foreach (int length in Blocks.Lengths)
        {
            float[] baseValues = Blocks.Mixed(length, length);
            float[] expert = Blocks.Mixed(length, length + 1);
            uint[] minima = [0, 1, Formulas.Magnitude(0.5f), 0x7F80_0000, 0x7F80_0001, uint.MaxValue];
            foreach (uint minimum in minima)
            {
                var destination = new Guarded<float>(length);
                _kernels.TaskVector(baseValues, expert, minimum, destination.Span);
                float[] expected = [.. baseValues.Zip(expert, (b, x) => Formulas.Trimmed(b, x, minimum))];
                Expect.SameFloats(destination.Checked(), expected, $"{length} elements, from {minimum:X8}");
            }
        }
    }

    [Test]
    public void Dropping_keeps_and_rescales_where_the_number_is_below_the_threshold()
    {
        foreach (int length in Blocks.Lengths)
        {
            float[] baseValues = Blocks.Mixed(length, length);
            float[] expert = Blocks.Mixed(length, length + 1);
            ushort[] numbers = Array.ConvertAll(Blocks.Words(length, length), word => (ushort)word);
            ushort[] thresholds = [0, 0x4000, 0xC000, ushort.MaxValue, .. numbers.Take(1)];
            foreach (ushort keepBelow in thresholds)
            {
                var destination = new Guarded<float>(length);
                _kernels.DroppedTaskVector(baseValues, expert, numbers, keepBelow, 1.7f, destination.Span);
                float[] expected = new float[length];
                for (int i = 0; i < length; i++)
                {
                    expected[i] = numbers[i] < keepBelow ? 1.7f * (expert[i] - baseValues[i]) : 0f;
                }

                Expect.SameFloats(destination.Checked(), expected, $"{length} elements, below {keepBelow:X4}");
            }
        }
    }

    [Test]
    public void The_destination_may_be_the_base_or_the_expert()
    {
        float[] baseValues = Blocks.Plain(50, 1);
        float[] expert = Blocks.Plain(50, 2);
        float[] expected = new float[50];
        _kernels.TaskVector(baseValues, expert, 0, expected);

        float[] inBase = [.. baseValues];
        _kernels.TaskVector(inBase, expert, 0, inBase);
        Expect.SameFloats(inBase, expected, "in place of the base");

        _kernels.TaskVector(baseValues, expert, 0, expert);
        Expect.SameFloats(expert, expected, "in place of the expert");
    }

    [TestCase(9, 10, 10, 10)]
    [TestCase(10, 9, 10, 10)]
    [TestCase(10, 10, 9, 10)]
    [TestCase(10, 10, 10, 9)]
    public void Lengths_that_do_not_match_are_refused(int baseLength, int expert, int numbers, int destination) =>
        Assert.That(
            () => _kernels.DroppedTaskVector(
                new float[baseLength], new float[expert], new ushort[numbers], 1, 1f, new float[destination]),
            Throws.ArgumentException);

    [Test]
    public void Partial_overlap_is_refused() =>
        Assert.That(
            () =>
            {
                float[] data = new float[30];
                _kernels.TaskVector(data.AsSpan(0, 10), data.AsSpan(15, 10), 0, data.AsSpan(9, 10));
            },
            Throws.ArgumentException.With.Message.Contains("overlaps"));
}
