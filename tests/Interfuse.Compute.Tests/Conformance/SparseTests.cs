using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

[EveryDevice]
public class SparseTests(TestDevice device) : DeviceFixture(device)
{
    private const int Experts = 4;
    private const int Shared = SparseBank.Shared;

    // Rows are copied whatever their type.
    private static readonly DType[] Types =
        [DType.UInt8, DType.BFloat16, DType.Float32, DType.Float64, DType.Int64, DType.Float8E4M3];

    [Test]
    public void Rows_of_one_expert_come_out_as_they_are(
        [Values(1, 3, 8, 16, 129, 520, 2049)] int columns, [Values(0, 1, 3)] int offset)
    {
        foreach (DType dtype in Types)
        {
            using SideBySide both = SideBySide();
            SparseParts bank = SparseParts.Add(both, dtype, Experts, 13, columns, offset, columns);
            foreach ((int expert, int first, int count) in new[] { (2, 0, 13), (Shared, 2, 5), (0, 13, 0), (3, 12, 1) })
            {
                Place destination = both.Room(dtype, count * columns, offset);
                both.Same(
                    side => side.Queue.Gather(bank.On(side), expert, first, side[destination]),
                    $"rows {first} to {first + count} of {columns} {dtype} of {expert}");
            }
        }
    }

    [Test]
    public void Rows_of_several_experts_come_out_in_the_order_of_the_requests(
        [Values(0, 1, 5, 447, 448, 449, 1000)] int requests, [Values(1, 9, 64)] int columns)
    {
        using SideBySide both = SideBySide();
        SparseParts bank = SparseParts.Add(both, DType.BFloat16, Experts, 20, columns, 0, requests);
        Place destination = both.Room(DType.BFloat16, requests * columns);
        var random = new Random(requests);
        ExpertRow[] batch = [.. Enumerable.Range(0, requests).Select(
            _ => new ExpertRow(random.Next(Shared, Experts), random.Next(20)))];
        both.Same(side => side.Queue.GatherBatch(bank.On(side), batch, side[destination]), $"{requests} requests");
    }

    [Test]
    public void Every_batch_gives_the_same_bits(
        [Values(1, 2, 3, 4, 5, 8, 16, 64)] int batch, [Values("distinct", "identical", "random")] string popularity)
    {
        int[] experts = ExpertData.Batch(batch, 5, popularity);
        Multiply(experts, 5, 11, 520, DType.BFloat16, DType.BFloat16, Blocks.Plain, 0);
        Multiply(experts, 5, 5, 264, DType.Float32, DType.Float32, Blocks.Plain, 0);
    }

    [Test]
    public void Every_row_length_type_and_alignment_gives_the_same_bits(
        [Values(1, 8, 255, 256, 257, 1000, 1024, 1288, 2304)] int columns, [Values(0, 1, 8)] int offset)
    {
        foreach (DType type in ExpertData.Types)
        {
            foreach (DType x in ExpertData.Types)
            {
                Multiply([2, Shared, 0, 2], Experts, 3, columns, type, x, Blocks.Plain, offset);
            }

            MatMul(3, Experts, 7, columns, type, Blocks.Plain, offset, 1);
        }
    }

    [Test]
    public void Rows_longer_than_a_short_place_can_tell_give_the_same_bits([Values(65535, 65536, 65537, 70000)] int columns)
    {
        Multiply([1, 0, Shared], 2, 5, columns, DType.BFloat16, DType.BFloat16, Blocks.Plain, 0);
        MatMul(1, 2, 5, columns, DType.BFloat16, Blocks.Plain, 0, 1);
        using SideBySide both = SideBySide();
        SparseParts bank = SparseParts.Add(both, DType.BFloat16, 2, 5, columns, 0, columns);
        Place destination = both.Room(DType.BFloat16, 5 * columns);
        both.Same(side => side.Queue.Gather(bank.On(side), 1, 0, side[destination]), $"rows of {columns}");
    }

    [Test]
    public void Nan_infinity_denormals_and_signed_zeros_give_the_same_bits([Values(1, 2, 6)] int batch)
    {
        int[] experts = ExpertData.Batch(batch, Experts, "distinct");
        foreach (Func<int, int, float[]> values in new[] { Blocks.Nasty, Blocks.Mixed, ExpertData.Tiny })
        {
            Multiply(experts, Experts, 40, 16, DType.Float32, DType.Float32, values, 0);
            Multiply(experts, Experts, 9, 300, DType.Float64, DType.Float32, values, 0);
            Multiply(experts, Experts, 9, 304, DType.BFloat16, DType.Float16, values, 0);
            MatMul(batch, Experts, 40, 3, DType.Float32, values, 0, 1);
            MatMul(batch, Experts, 9, 24, DType.BFloat16, values, 0, 2);
        }
    }

    [Test]
    public void Every_number_of_vectors_and_experts_gives_the_same_bits(
        [Values(1, 2, 16, 17, 64, 129, 257)] int vectors, [Values(1, 2, 7, 16)] int experts)
    {
        MatMul(vectors, experts, 53, 72, DType.BFloat16, Blocks.Plain, 0, experts - 1);
        MatMul(vectors, experts, 5, 40, DType.Float32, Blocks.Coarse, 0, Shared);
    }

    [Test]
    public void Random_shapes_give_the_same_bits([Range(0, 7)] int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 4; i++)
        {
            DType type = ExpertData.Types[random.Next(4)];
            int experts = random.Next(1, 17);
            int[] batch = [.. Enumerable.Range(0, random.Next(1, 65)).Select(_ => random.Next(Shared, experts))];
            Multiply(
                batch, experts, random.Next(1, 40), random.Next(1, 700), type, ExpertData.Types[random.Next(4)],
                Blocks.Plain, random.Next(3));
            MatMul(
                random.Next(1, 150), experts, random.Next(1, 150), random.Next(1, 200), type, Blocks.Plain,
                random.Next(3), random.Next(Shared, experts));
        }
    }

    [Test]
    public void Experts_without_values_of_their_own_have_the_dense_rows()
    {
        using SideBySide both = SideBySide();
        Place dense = both.Add(DType.Float32, ExpertData.Stored(Blocks.Plain(12, 1), DType.Float32));
        Place starts = both.Add(DType.Int32, new byte[7 * sizeof(int)]);
        Place places = both.Add(DType.UInt16, []);
        Place values = both.Add(DType.Float32, []);
        Place destination = both.Room(DType.Float32, 12);
        both.Same(
            side => side.Queue.Gather(
                new SparseBank(side[dense], side[starts], side[places], side[values], 2, 3, 4), 1, 0, side[destination]),
            "dense rows");
        Assert.That(both.Floats(destination), Is.EqualTo(both.Floats(dense)));
    }

    [Test]
    public void Arguments_that_do_not_fit_are_refused()
    {
        using SideBySide both = SideBySide();
        SparseParts parts = SparseParts.Add(both, DType.BFloat16, Experts, 6, 4, 0, 1);
        Place room = both.Room(DType.BFloat16, 8);
        Place x = both.Room(DType.Float32, 8);
        Place y = both.Room(DType.Float32, 12);
        Place half = both.Room(DType.Float16, 12);
        both.Same(
            side =>
            {
                SparseBank bank = parts.On(side);
                DeviceQueue queue = side.Queue;
                Refused(() => queue.Gather(bank, Experts, 0, side[room]));
                Refused(() => queue.Gather(bank, Shared - 1, 0, side[room]));
                Refused(() => queue.Gather(bank, 0, -1, side[room]));
                Refused(() => queue.Gather(bank, 0, 5, side[room]));
                Refused(() => queue.Gather(bank, 0, 0, side[room.Slice(0, 7)]));
                Refused(() => queue.Gather(bank, 0, 0, side[half.Slice(0, 8)]));
                Refused(() => queue.Gather(bank, 0, 0, side[parts.Dense.Slice(0, 8)]));
                Refused(() => queue.Gather(bank, 0, 0, side[parts.Values.Slice(0, 8)]));
                Refused(() => queue.GatherBatch(bank, [new(0, 6)], side[room.Slice(0, 4)]));
                Refused(() => queue.GatherBatch(bank, [new(Experts, 0)], side[room.Slice(0, 4)]));
                Refused(() => queue.GatherBatch(bank, [new(0, 0)], side[room]));
                Refused(() => queue.GatherMultiply(bank, [], side[x], side[y]));
                Refused(() => queue.GatherMultiply(bank, new int[65], side[x], side[y]));
                Refused(() => queue.GatherMultiply(bank, [0, Experts], side[x], side[y]));
                Refused(() => queue.GatherMultiply(bank, [0], side[x], side[y]));
                Refused(() => queue.GatherMultiply(bank, [0, 1], side[x], side[half]));
                Refused(() => queue.MatMul(bank, Shared - 1, side[x], side[y]));
                Refused(() => queue.MatMul(bank, 0, side[x.Slice(0, 7)], side[y]));
                Refused(() => queue.MatMul(bank, 0, side[half.Slice(0, 8)], side[y]));
                Refused(() => queue.MatMul(bank, 0, side[x], side[half]));
            },
            "refused");
    }

    [Test]
    public void Parts_that_are_no_bank_are_refused()
    {
        using SideBySide both = SideBySide();
        SparseParts parts = SparseParts.Add(both, DType.BFloat16, Experts, 6, 4, 0, 1);
        Place wide = both.Room(DType.BFloat16, 6 * 65537);
        Place half = parts.Values with { DType = DType.Float16 };
        both.Same(
            side =>
            {
                Assert.That(() => parts.On(side), Throws.Nothing);
                Refused(() => (parts with { Experts = 0 }).On(side));
                Refused(() => (parts with { Experts = Experts - 1 }).On(side));
                Refused(() => (parts with { Channels = 5 }).On(side));
                Refused(() => (parts with { Columns = 5 }).On(side));
                Refused(() => (parts with { Starts = parts.Starts.Slice(0, 6 * Experts) }).On(side));
                Refused(() => (parts with { Starts = parts.Dense }).On(side));
                Refused(() => (parts with { Values = half }).On(side));
                Refused(() => (parts with { Values = parts.Values.Slice(0, 5) }).On(side));
                Refused(() => (parts with { Places = parts.Starts.Slice(0, 5), Values = parts.Values.Slice(0, 5) }).On(side));
                Refused(() => (parts with { Dense = wide, Columns = 65537 }).On(side));
            },
            "refused");
    }

    private static void Refused(Action action) => Assert.That(action, Throws.InstanceOf<ArgumentException>());

    private static void Refused(Func<SparseBank> make) => Assert.That(() => make(), Throws.InstanceOf<ArgumentException>());

    private void Multiply(
        int[] batch, int experts, int channels, int columns, DType type, DType xType, Func<int, int, float[]> values,
        int offset)
    {
        using SideBySide both = SideBySide();
        SparseParts bank = SparseParts.Add(both, type, experts, channels, columns, offset, batch.Length, values);
        Place x = both.Add(xType, ExpertData.Stored(values(batch.Length * columns, columns + 1), xType), offset);
        Place y = both.Room(DType.Float32, batch.Length * channels, offset);
        both.Same(
            side => side.Queue.GatherMultiply(bank.On(side), batch, side[x], side[y]),
            $"[{string.Join(' ', batch)}], {channels} x {columns} of {type}, x of {xType}, offset {offset}");
    }

    private void MatMul(
        int vectors, int experts, int channels, int columns, DType type, Func<int, int, float[]> values, int offset,
        int expert)
    {
        using SideBySide both = SideBySide();
        SparseParts bank = SparseParts.Add(both, type, experts, channels, columns, offset, vectors, values);
        Place x = both.Add(DType.Float32, ExpertData.Stored(values(vectors * columns, columns), DType.Float32), offset);
        Place y = both.Room(DType.Float32, vectors * channels, offset);
        both.SameButNaN(
            side => side.Queue.MatMul(bank.On(side), expert, side[x], side[y]),
            y,
            $"{vectors} vectors by expert {expert}, {channels} x {columns} of {type}, offset {offset}");
    }
}
