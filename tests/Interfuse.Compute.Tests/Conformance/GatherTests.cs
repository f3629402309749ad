using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

[EveryDevice]
public class GatherTests(TestDevice device) : DeviceFixture(device)
{
    private const int Experts = 3;
    private const int Channels = 20;
    private const int BankRows = 31;

    // Bytes, not numbers: NaNs keep their payloads, and integers are as good as floats.
    private static readonly DType[] Types =
        [DType.UInt8, DType.BFloat16, DType.Float32, DType.Float64, DType.Int64, DType.Float8E4M3];

    [Test]
    public void Rows_of_one_expert_come_out_as_they_are(
        [Values(1, 3, 8, 16, 129, 520, 2049)] int columns, [Values(0, 1, 3)] int offset)
    {
        foreach (DType dtype in Types)
        {
            using SideBySide both = SideBySide();
            (Place rows, Place index) = Bank(both, dtype, columns, offset);
            foreach ((int first, int count) in new[] { (0, Channels), (7, 5), (Channels, 0), (Channels - 1, 1) })
            {
                Place destination = both.Room(dtype, count * columns, offset);
                both.Same(
                    side => side.Queue.Gather(
                        new GroupedBank(side[rows], side[index], Experts, Channels, columns), 2, first, side[destination]),
                    $"rows {first} to {first + count} of {columns} {dtype}");
            }
        }
    }

    [Test]
    public void Rows_of_several_experts_come_out_in_the_order_of_the_requests(
        [Values(0, 1, 5, 447, 448, 449, 1000)] int requests, [Values(1, 9, 64)] int columns)
    {
        using SideBySide both = SideBySide();
        (Place rows, Place index) = Bank(both, DType.BFloat16, columns, 0);
        Place destination = both.Room(DType.BFloat16, requests * columns);
        var random = new Random(requests);
        ExpertRow[] batch = [.. Enumerable.Range(0, requests).Select(
            _ => new ExpertRow(random.Next(Experts), random.Next(Channels)))];
        both.Same(
            side => side.Queue.GatherBatch(
                new GroupedBank(side[rows], side[index], Experts, Channels, columns), batch, side[destination]),
            $"{requests} requests");
    }

    [Test]
    public void Arguments_that_do_not_fit_are_refused()
    {
        using SideBySide both = SideBySide();
        (Place rows, Place index) = Bank(both, DType.BFloat16, 4, 0);
        Place room = both.Room(DType.BFloat16, 8);
        Place wrongType = both.Room(DType.Float16, 8);
        both.Same(
            side =>
            {
                var bank = new GroupedBank(side[rows], side[index], Experts, Channels, 4);
                DeviceQueue queue = side.Queue;
                Assert.That(() => queue.Gather(bank, Experts, 0, side[room]), Throws.ArgumentException);
                Assert.That(() => queue.Gather(bank, -1, 0, side[room]), Throws.ArgumentException);
                Assert.That(() => queue.Gather(bank, 0, -1, side[room]), Throws.InstanceOf<ArgumentException>());
                Assert.That(() => queue.Gather(bank, 0, Channels - 1, side[room]), Throws.ArgumentException);
                Assert.That(() => queue.Gather(bank, 0, 0, side[room].Slice(0, 7)), Throws.ArgumentException);
                Assert.That(() => queue.Gather(bank, 0, 0, side[wrongType]), Throws.ArgumentException);
                Assert.That(() => queue.Gather(bank, 0, 0, side[rows].Slice(0, 8)), Throws.ArgumentException);
                Assert.That(() => queue.GatherBatch(bank, [new(0, Channels)], side[room]), Throws.ArgumentException);
                Assert.That(() => queue.GatherBatch(bank, [new(Experts, 0)], side[room]), Throws.ArgumentException);
                Assert.That(() => queue.GatherBatch(bank, [new(0, 0)], side[room]), Throws.ArgumentException);
                Assert.That(
                    () => new GroupedBank(side[rows], side[index], Experts, Channels, 5), Throws.ArgumentException);
                Assert.That(
                    () => new GroupedBank(side[rows], side[index], Experts, Channels + 1, 4), Throws.ArgumentException);
                Assert.That(
                    () => new GroupedBank(side[rows], side[rows], Experts, Channels, 4), Throws.ArgumentException);
            },
            "refused");
    }

    private static (Place Rows, Place Index) Bank(SideBySide both, DType dtype, int columns, int offset)
    {
        byte[] rows = new byte[BankRows * columns * dtype.Size()];
        new Random(columns).NextBytes(rows);
        return ExpertData.Bank(both, rows, dtype, columns, Experts, Channels, offset, columns);
    }
}
