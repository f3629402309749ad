using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

[EveryDevice]
public class GatherMultiplyTests(TestDevice device) : DeviceFixture(device)
{
    private const int Experts = 5;
    private const int BankRows = 17;

    [Test]
    public void Every_batch_gives_the_same_bits(
        [Values(1, 2, 3, 4, 5, 8, 9, 64)] int batch, [Values("distinct", "identical", "random")] string popularity)
    {
        int[] experts = ExpertData.Batch(batch, Experts, popularity);
        Check(experts, 11, 520, DType.BFloat16, DType.BFloat16, Blocks.Plain, 0);
        Check(experts, 5, 264, DType.Float32, DType.Float32, Blocks.Plain, 0);
    }

    [Test]
    public void Every_row_length_type_and_alignment_gives_the_same_bits(
        [Values(1, 8, 255, 256, 257, 1000, 1024, 1288, 2304)] int columns, [Values(0, 1, 8)] int offset)
    {
        foreach (DType rows in ExpertData.Types)
        {
            foreach (DType x in ExpertData.Types)
            {
                Check([2, 0, 2], 3, columns, rows, x, Blocks.Plain, offset);
            }
        }
    }

    [Test]
    public void Nan_infinity_denormals_and_signed_zeros_give_the_same_bits([Values(1, 2, 6)] int batch)
    {
        int[] experts = [.. Enumerable.Range(0, batch).Select(b => b % Experts)];
        foreach (Func<int, int, float[]> values in new[] { Blocks.Nasty, Blocks.Mixed, ExpertData.Tiny })
        {
            Check(experts, 40, 16, DType.Float32, DType.Float32, values, 0);
            Check(experts, 9, 300, DType.Float64, DType.Float32, values, 0);
            Check(experts, 9, 304, DType.BFloat16, DType.Float16, values, 0);
        }
    }

    [Test]
    public void Arguments_that_do_not_fit_are_refused()
    {
        using SideBySide both = SideBySide();
        (Place rows, Place index) = ExpertData.Bank(
            both, new byte[BankRows * 4 * 4], DType.Float32, 4, Experts, 6, 0, 1);
        Place x = both.Room(DType.Float32, 8);
        Place y = both.Room(DType.Float32, 12);
        Place half = both.Room(DType.Float16, 12);
        both.Same(
            side =>
            {
                var bank = new GroupedBank(side[rows], side[index], Experts, 6, 4);
                DeviceQueue queue = side.Queue;
                Assert.That(() => queue.GatherMultiply(bank, [], side[x], side[y]), Throws.ArgumentException);
                Assert.That(() => queue.GatherMultiply(bank, new int[65], side[x], side[y]), Throws.ArgumentException);
                Assert.That(() => queue.GatherMultiply(bank, [0, 5], side[x], side[y]), Throws.ArgumentException);
                Assert.That(() => queue.GatherMultiply(bank, [0], side[x], side[y]), Throws.ArgumentException);
                Assert.That(() => queue.GatherMultiply(bank, [0, 1], side[x], side[half]), Throws.ArgumentException);
                Assert.That(
                    () => queue.GatherMultiply(bank, [0, 1], side[x], side[rows].Slice(0, 12)), Throws.ArgumentException);
            },
            "refused");
    }

    private void Check(
        int[] experts, int channels, int columns, DType rowsType, DType xType, Func<int, int, float[]> values, int offset)
    {
        using SideBySide both = SideBySide();
        (Place rows, Place index) = ExpertData.Bank(
            both, ExpertData.Stored(values(BankRows * columns, columns), rowsType), rowsType, columns, Experts, channels,
            offset, experts.Length);
        Place x = both.Add(xType, ExpertData.Stored(values(experts.Length * columns, columns + 1), xType), offset);
        Place y = both.Room(DType.Float32, experts.Length * channels, offset);
        both.Same(
            side => side.Queue.GatherMultiply(
                new GroupedBank(side[rows], side[index], Experts, channels, columns), experts, side[x], side[y]),
            $"[{string.Join(' ', experts)}], {channels} x {columns} of {rowsType}, x of {xType}, offset {offset}");
    }
}
