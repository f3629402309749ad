using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

[EveryDevice]
public class MatMulTests(TestDevice device) : DeviceFixture(device)
{
    private const int Experts = 3;
    private const int BankRows = 29;

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    [TestCase(7)]
    [TestCase(15)]
    [TestCase(16)]
    [TestCase(17)]
    [TestCase(31)]
    [TestCase(33)]
    [TestCase(64)]
    [TestCase(65)]
    [TestCase(127)]
    [TestCase(129)]
    [TestCase(255)]
    [TestCase(256)]
    [TestCase(257)]
    [TestCase(300)]
    public void Every_number_of_vectors_gives_the_same_bits(int vectors)
    {
        Check(vectors, 53, 72, DType.BFloat16, Blocks.Plain, 0);
        Check(vectors, 5, 40, DType.Float32, Blocks.Coarse, 0);
    }

    [Test]
    public void Every_row_length_type_and_alignment_gives_the_same_bits(
        [Values(1, 2, 7, 8, 15, 16, 17, 31, 33, 127, 128, 129, 264)] int columns, [Values(0, 1, 8)] int offset)
    {
        foreach (DType rows in ExpertData.Types)
        {
            Check(18, 7, columns, rows, Blocks.Plain, offset);
            Check(3, 37, columns, rows, Blocks.Plain, offset);
        }
    }

    [Test]
    public void Every_number_of_rows_gives_the_same_bits(
        [Values(1, 2, 5, 6, 7, 31, 32, 33, 47, 48, 49, 63, 65, 97, 130, 200)] int channels)
    {
        Check(66, channels, 24, DType.BFloat16, Blocks.Plain, 0);
        Check(9, channels, 24, DType.Float16, Blocks.Plain, 0);
    }

    [Test]
    public void Nan_infinity_denormals_and_signed_zeros_give_the_same_bits([Values(1, 17, 70)] int vectors)
    {
        foreach (Func<int, int, float[]> values in new[] { Blocks.Nasty, Blocks.Mixed, ExpertData.Tiny })
        {
            Check(vectors, 40, 3, DType.Float32, values, 0);
            Check(vectors, 9, 21, DType.Float64, values, 0);
            Check(vectors, 9, 24, DType.BFloat16, values, 0);
        }
    }

    [Test]
    public void Many_rows_by_many_vectors_give_the_same_bits([Values(0, 1)] int offset)
    {
        Check(257, 900, 40, DType.BFloat16, Blocks.Plain, offset);
        Check(257, 900, 10, DType.Float32, Blocks.Mixed, offset);
    }

    [Test]
    public void Random_shapes_give_the_same_bits([Range(0, 7)] int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 4; i++)
        {
            DType type = ExpertData.Types[random.Next(4)];
            Check(random.Next(1, 150), random.Next(1, 150), random.Next(1, 200), type, Blocks.Plain, random.Next(3));
        }
    }

    [Test]
    public void Products_are_near_the_truth()
    {
        const int Columns = 500;
        using SideBySide both = SideBySide();
        float[] values = Blocks.Plain(BankRows * Columns, 1);
        float[] vectors = Blocks.Plain(4 * Columns, 2);
        Place rows = both.Add(DType.Float32, MemoryMarshal.AsBytes<float>(values));
        Place index = both.Add(DType.Int32, MemoryMarshal.AsBytes<int>(Enumerable.Range(0, BankRows).ToArray()));
        Place x = both.Add(DType.Float32, MemoryMarshal.AsBytes<float>(vectors));
        Place y = both.Room(DType.Float32, 4 * BankRows);
        both.Same(
            side => side.Queue.MatMul(
                new GroupedBank(side[rows], side[index], 1, BankRows, Columns), 0, side[x], side[y]),
            "products");
        float[] products = both.Floats(y);
        for (int t = 0; t < 4; t++)
        {
            for (int row = 0; row < BankRows; row++)
            {
                double expected = Enumerable.Range(0, Columns).Sum(
                    j => (double)values[(row * Columns) + j] * vectors[(t * Columns) + j]);
                Assert.That(products[(t * BankRows) + row], Is.EqualTo(expected).Within(1e-6));
            }
        }
    }

    [Test]
    public void No_vectors_are_nothing_to_do()
    {
        using SideBySide both = SideBySide();
        (Place rows, Place index) = ExpertData.Bank(both, new byte[BankRows * 16], DType.Float32, 4, Experts, 6, 0, 1);
        Place none = both.Room(DType.Float32, 0);
        both.Same(
            side => side.Queue.MatMul(new GroupedBank(side[rows], side[index], Experts, 6, 4), 2, side[none], side[none]),
            "nothing");
    }

    [Test]
    public void Arguments_that_do_not_fit_are_refused()
    {
        using SideBySide both = SideBySide();
        (Place rows, Place index) = ExpertData.Bank(both, new byte[BankRows * 16], DType.Float32, 4, Experts, 6, 0, 1);
        Place x = both.Room(DType.Float32, 8);
        Place y = both.Room(DType.Float32, 12);
        Place half = both.Room(DType.Float16, 12);
        both.Same(
            side =>
            {
                var bank = new GroupedBank(side[rows], side[index], Experts, 6, 4);
                DeviceQueue queue = side.Queue;
                Assert.That(() => queue.MatMul(bank, -1, side[x], side[y]), Throws.InstanceOf<ArgumentException>());
                Assert.That(() => queue.MatMul(bank, Experts, side[x], side[y]), Throws.InstanceOf<ArgumentException>());
                Assert.That(() => queue.MatMul(bank, 0, side[x.Slice(0, 7)], side[y]), Throws.ArgumentException);
                Assert.That(() => queue.MatMul(bank, 0, side[x.Slice(0, 4)], side[y]), Throws.ArgumentException);
                Assert.That(() => queue.MatMul(bank, 0, side[half.Slice(0, 8)], side[y]), Throws.ArgumentException);
                Assert.That(() => queue.MatMul(bank, 0, side[x], side[half]), Throws.ArgumentException);
                Assert.That(() => queue.MatMul(bank, 0, side[x], side[rows.Slice(0, 12)]), Throws.ArgumentException);
            },
            "refused");
    }

    private void Check(
        int vectors, int channels, int columns, DType type, Func<int, int, float[]> values, int offset)
    {
        using SideBySide both = SideBySide();
        (Place rows, Place index) = ExpertData.Bank(
            both, ExpertData.Stored(values(BankRows * columns, columns), type), type, columns, Experts, channels, offset,
            vectors);
        Place x = both.Add(
            DType.Float32, ExpertData.Stored(values(vectors * columns, columns + 1), DType.Float32), offset);
        Place y = both.Room(DType.Float32, vectors * channels, offset);
        both.SameButNaN(
            side => side.Queue.MatMul(
                new GroupedBank(side[rows], side[index], Experts, channels, columns), 1, side[x], side[y]),
            y,
            $"{vectors} vectors, {channels} x {columns} of {type}, offset {offset}");
    }
}
