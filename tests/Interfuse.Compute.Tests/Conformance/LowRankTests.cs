using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

[EveryDevice]
public class LowRankTests(TestDevice device) : DeviceFixture(device)
{
    private const int Experts = 3;

    [Test]
    public void Rows_of_one_expert_are_the_shared_ones_and_the_product(
        [Values(1, 2, 7, 8, 31, 33, 256, 264, 520)] int columns, [Values(0, 1, 3)] int offset)
    {
        foreach (DType dtype in ExpertData.Types)
        {
            using SideBySide both = SideBySide();
            Bank bank = Add(both, dtype, 20, columns, 5, Blocks.Plain, offset);
            foreach ((int first, int count) in new[] { (0, 20), (7, 5), (20, 0), (19, 1) })
            {
                Place destination = both.Room(dtype, count * columns, offset);
                both.Same(
                    side => side.Queue.Gather(bank.On(side), 2, first, side[destination]),
                    $"rows {first} to {first + count} of {columns} {dtype}, offset {offset}");
            }
        }
    }

    [Test]
    public void Every_rank_and_number_of_rows_gives_the_same_bits(
        [Values(1, 2, 3, 64, 131)] int rank, [Values(1, 3, 4, 6, 47, 48, 49, 100)] int channels)
    {
        using SideBySide both = SideBySide();
        foreach (DType dtype in new[] { DType.BFloat16, DType.Float32 })
        {
            Bank bank = Add(both, dtype, channels, 40, rank, Blocks.Plain, 0);
            Place destination = both.Room(dtype, channels * 40);
            both.Same(
                side => side.Queue.Gather(bank.On(side), 1, 0, side[destination]), $"rank {rank}, {channels} rows of {dtype}");
        }
    }

    [Test]
    public void Rows_of_several_experts_and_of_none_come_out_in_the_order_of_the_requests(
        [Values(0, 1, 5, 447, 448, 449, 1000)] int requests, [Values(1, 9, 64)] int columns)
    {
        using SideBySide both = SideBySide();
        foreach (DType dtype in ExpertData.Types)
        {
            Bank bank = Add(both, dtype, 11, columns, 3, Blocks.Plain, 0);
            Place destination = both.Room(dtype, requests * columns);
            var random = new Random(requests);
            ExpertRow[] batch = [.. Enumerable.Range(0, requests).Select(
                _ => new ExpertRow(random.Next(-1, Experts), random.Next(11)))];
            both.Same(
                side => side.Queue.GatherBatch(bank.On(side), batch, side[destination]), $"{requests} requests of {dtype}");
        }
    }

    [Test]
    public void Nan_infinity_denormals_and_signed_zeros_give_the_same_bits()
    {
        foreach (Func<int, int, float[]> values in new[] { Blocks.Nasty, Blocks.Mixed, Blocks.Ties })
        {
            foreach (DType dtype in ExpertData.Types)
            {
                using SideBySide both = SideBySide();
                Bank bank = Add(both, dtype, 13, 72, 4, values, 0);
                Place destination = both.Room(dtype, 13 * 72);
                both.Same(side => side.Queue.Gather(bank.On(side), 0, 0, side[destination]), $"{values.Method.Name} {dtype}");
            }
        }
    }

    [Test]
    public void The_shared_matrix_comes_out_as_it_is_nans_with_their_payloads()
    {
        using SideBySide both = SideBySide();
        foreach (DType dtype in ExpertData.Types)
        {
            byte[] shared = new byte[6 * 24 * dtype.Size()];
            new Random(4).NextBytes(shared);
            var bank = new Bank(
                both.Add(dtype, shared), both.Room(dtype, Experts * 6), both.Room(dtype, Experts * 24), 6, 24, 1);
            Place rows = both.Room(dtype, 4 * 24);
            Place batch = both.Room(dtype, 2 * 24);
            both.Same(
                side =>
                {
                    side.Queue.Gather(bank.On(side), LowRankBank.SharedOnly, 1, side[rows]);
                    side.Queue.GatherBatch(
                        bank.On(side), [new(LowRankBank.SharedOnly, 5), new(LowRankBank.SharedOnly, 0)], side[batch]);
                },
                $"{dtype}");
            Assert.That(both.Bytes(rows), Is.EqualTo(shared.AsSpan(24 * dtype.Size(), 4 * 24 * dtype.Size()).ToArray()));
            Assert.That(
                both.Bytes(batch),
                Is.EqualTo(shared[(5 * 24 * dtype.Size())..].Concat(shared[..(24 * dtype.Size())]).ToArray()));
        }
    }

    [Test]
    public void Arguments_that_do_not_fit_are_refused()
    {
        using SideBySide both = SideBySide();
        Bank made = Add(both, DType.BFloat16, 6, 4, 2, Blocks.Plain, 0);
        Place room = both.Room(DType.BFloat16, 8);
        Place wrongType = both.Room(DType.Float16, 8);
        both.Same(
            side =>
            {
                LowRankBank bank = made.On(side);
                DeviceQueue queue = side.Queue;
                Assert.That(() => queue.Gather(bank, Experts, 0, side[room]), Throws.ArgumentException);
                Assert.That(() => queue.Gather(bank, -2, 0, side[room]), Throws.ArgumentException);
                Assert.That(() => queue.Gather(bank, 0, -1, side[room]), Throws.InstanceOf<ArgumentException>());
                Assert.That(() => queue.Gather(bank, 0, 7, side[room]), Throws.InstanceOf<ArgumentException>());
                Assert.That(() => queue.Gather(bank, 0, 5, side[room]), Throws.ArgumentException);
                Assert.That(() => queue.Gather(bank, 0, 0, side[room].Slice(0, 7)), Throws.ArgumentException);
                Assert.That(() => queue.Gather(bank, 0, 0, side[wrongType]), Throws.ArgumentException);
                foreach (DeviceSpan part in new[] { bank.Shared, bank.Left, bank.Right })
                {
                    Assert.That(() => queue.Gather(made.On(side), 0, 0, part.Slice(0, 8)), Throws.ArgumentException);
                }

                Assert.That(() => queue.GatherBatch(bank, [new(0, 6)], side[room].Slice(0, 4)), Throws.ArgumentException);
                Assert.That(() => queue.GatherBatch(bank, [new(3, 0)], side[room].Slice(0, 4)), Throws.ArgumentException);
                Assert.That(() => queue.GatherBatch(bank, [new(0, 0)], side[room]), Throws.ArgumentException);

                (DeviceSpan shared, DeviceSpan left, DeviceSpan right) = (bank.Shared, bank.Left, bank.Right);
                Assert.That(
                    () => new LowRankBank(shared, left, right, Experts, 6, 4, 3),
                    Throws.ArgumentException.With.Message.Contains("[3, 6, 3] are needed"));
                Assert.That(() => new LowRankBank(shared, left, right, Experts, 6, 8, 2), Throws.ArgumentException);
                Assert.That(() => new LowRankBank(shared, left, right, 2, 6, 4, 2), Throws.ArgumentException);
                Assert.That(
                    () => new LowRankBank(shared, left, right, Experts, 6, 4, 0), Throws.InstanceOf<ArgumentException>());
                Assert.That(
                    () => new LowRankBank(shared, left, right, Experts, long.MaxValue, 4, 2), Throws.ArgumentException);
                Assert.That(
                    () => new LowRankBank(side[wrongType], left, right, Experts, 2, 4, 6),
                    Throws.ArgumentException.With.Message.Contains("F16"));
            },
            "refused");
    }

    private static Bank Add(
        SideBySide both, DType dtype, int channels, int columns, int rank, Func<int, int, float[]> values, int offset)
    {
        Place Part(int length, int seed) => both.Add(dtype, ExpertData.Stored(values(length, seed), dtype), offset);

        return new Bank(
            Part(channels * columns, columns),
            Part(Experts * channels * rank, columns + 1),
            Part(Experts * rank * columns, columns + 2),
            channels,
            columns,
            rank);
    }

    private sealed record Bank(Place Shared, Place Left, Place Right, int Channels, int Columns, int Rank)
    {
        public LowRankBank On(Side side) =>
            new(side[Shared], side[Left], side[Right], Experts, Channels, Columns, Rank);
    }
}
