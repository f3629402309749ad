using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

[EveryDevice]
public class MaskedTests(TestDevice device) : DeviceFixture(device)
{
    private const int Experts = 4;

    [Test]
    public void Rows_of_one_expert_are_the_base_and_what_the_mask_lets_through(
        [Values(1, 3, 8, 16, 129, 520, 2049)] int columns, [Values(0, 1, 3)] int offset)
    {
        foreach (DType dtype in ExpertData.Types)
        {
            using SideBySide both = SideBySide();
            MaskedParts bank = MaskedParts.Add(both, dtype, Experts, 13, columns, offset, columns, Blocks.Mixed);
            foreach ((int expert, int first, int count) in new[] { (2, 0, 13), (1, 2, 5), (0, 13, 0), (3, 12, 1) })
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
        MaskedParts bank = MaskedParts.Add(both, DType.BFloat16, Experts, 20, columns, 0, requests, Blocks.Mixed);
        Place destination = both.Room(DType.BFloat16, requests * columns);
        var random = new Random(requests);
        ExpertRow[] batch = [.. Enumerable.Range(0, requests).Select(
            _ => new ExpertRow(random.Next(Experts), random.Next(20)))];
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
                Multiply([2, 1, 0, 2], Experts, 3, columns, type, x, Blocks.Plain, offset);
            }

            MatMul(3, Experts, 7, columns, type, Blocks.Plain, offset, 1);
        }
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
        MatMul(vectors, experts, 5, 40, DType.Float32, Blocks.Coarse, 0, 0);
    }

    [Test]
    public void Random_shapes_give_the_same_bits([Range(0, 7)] int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 4; i++)
        {
            DType type = ExpertData.Types[random.Next(4)];
            int experts = random.Next(1, 17);
            int[] batch = [.. Enumerable.Range(0, random.Next(1, 65)).Select(_ => random.Next(experts))];
            Multiply(
                batch, experts, random.Next(1, 40), random.Next(1, 700), type, ExpertData.Types[random.Next(4)],
                Blocks.Plain, random.Next(3));
            MatMul(
                random.Next(1, 150), experts, random.Next(1, 150), random.Next(1, 200), type, Blocks.Plain,
                random.Next(3), random.Next(experts));
        }
    }

    [Test]
    public void Every_scale_gives_the_same_bits()
    {
        float[] scales = [0f, -0f, 1f, -2.5f, 1e-42f, float.MaxValue, float.PositiveInfinity, float.NaN,
            BitConverter.UInt32BitsToSingle(0xFFFF_FFFF)];
        foreach (DType dtype in ExpertData.Types)
        {
            foreach (Func<int, int, float[]> values in new[] { Blocks.Nasty, Blocks.Coarse, ExpertData.Tiny })
            {
                using SideBySide both = SideBySide();
                MaskedParts bank = MaskedParts.Add(both, dtype, scales.Length, 4, 77, 0, 3, values, scales);
                Place x = both.Add(dtype, ExpertData.Stored(Blocks.Plain(scales.Length * 77, 5), dtype));
                Place rows = both.Room(dtype, 4 * 77);
                Place y = both.Room(DType.Float32, scales.Length * 4);
                both.Same(
                    side => side.Queue.GatherMultiply(
                        bank.On(side), Enumerable.Range(0, scales.Length).ToArray(), side[x], side[y]),
                    $"products of {dtype}");
                for (int expert = 0; expert < scales.Length; expert++)
                {
                    both.Same(
                        side => side.Queue.Gather(bank.On(side), expert, 0, side[rows]), $"{dtype} times {scales[expert]}");
                }
            }
        }
    }

    [Test]
    public void Elements_that_the_mask_leaves_out_keep_their_bits()
    {
        using SideBySide both = SideBySide();
        byte[] stored = [0xFF, 0xFF, 0x01, 0x7F, 0x81, 0x7F, 0x80, 0x00];
        Place baseValues = both.Add(DType.BFloat16, stored);
        Place mask = both.Add(DType.UInt32, new byte[4]);
        Place scales = both.Add(DType.Float32, new byte[4]);
        Place rows = both.Room(DType.BFloat16, 4);
        both.Same(
            side => side.Queue.Gather(
                new MaskedBank(side[baseValues], side[baseValues], side[mask], side[scales], 1, 1, 4), 0, 0, side[rows]),
            "as stored");
        Assert.That(both.OnTested(side =>
        {
            byte[] gathered = new byte[8];
            side.Queue.Download(side[rows], gathered);
            return gathered;
        }), Is.EqualTo(stored));
    }

    [Test]
    public void Arguments_that_do_not_fit_are_refused()
    {
        using SideBySide both = SideBySide();
        MaskedParts parts = MaskedParts.Add(both, DType.BFloat16, Experts, 6, 4, 0, 1, Blocks.Plain);
        Place room = both.Room(DType.BFloat16, 8);
        Place x = both.Room(DType.Float32, 8);
        Place y = both.Room(DType.Float32, 12);
        Place half = both.Room(DType.Float16, 12);
        both.Same(
            side =>
            {
                MaskedBank bank = parts.On(side);
                DeviceQueue queue = side.Queue;
                Refused(() => queue.Gather(bank, Experts, 0, side[room]));
                Refused(() => queue.Gather(bank, -1, 0, side[room]));
                Refused(() => queue.Gather(bank, 0, -1, side[room]));
                Refused(() => queue.Gather(bank, 0, 5, side[room]));
                Refused(() => queue.Gather(bank, 0, 0, side[room.Slice(0, 7)]));
                Refused(() => queue.Gather(bank, 0, 0, side[half.Slice(0, 8)]));
                Refused(() => queue.Gather(bank, 0, 0, side[parts.Base.Slice(0, 8)]));
                Refused(() => queue.Gather(bank, 0, 0, side[parts.Unified.Slice(0, 8)]));
                Refused(() => queue.GatherBatch(bank, [new(0, 6)], side[room.Slice(0, 4)]));
                Refused(() => queue.GatherBatch(bank, [new(Experts, 0)], side[room.Slice(0, 4)]));
                Refused(() => queue.GatherBatch(bank, [new(0, 0)], side[room]));
                Refused(() => queue.GatherMultiply(bank, [], side[x], side[y]));
                Refused(() => queue.GatherMultiply(bank, new int[65], side[x], side[y]));
                Refused(() => queue.GatherMultiply(bank, [0, Experts], side[x], side[y]));
                Refused(() => queue.GatherMultiply(bank, [0], side[x], side[y]));
                Refused(() => queue.GatherMultiply(bank, [0, 1], side[x], side[half]));
                Refused(() => queue.MatMul(bank, -1, side[x], side[y]));
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
        MaskedParts parts = MaskedParts.Add(both, DType.BFloat16, Experts, 6, 4, 0, 1, Blocks.Plain);
        Place half = parts.Unified with { DType = DType.Float16 };
        Place whole = parts.Base with { DType = DType.UInt16 };
        both.Same(
            side =>
            {
                Assert.That(() => parts.On(side), Throws.Nothing);
                Refused(() => (parts with { Experts = 0 }).On(side));
                Refused(() => (parts with { Experts = Experts - 1 }).On(side));
                Refused(() => (parts with { Channels = 5 }).On(side));
                Refused(() => (parts with { Columns = 5 }).On(side));
                Refused(() => (parts with { Unified = half }).On(side));
                Refused(() => (parts with { Base = whole, Unified = whole }).On(side));
                Refused(() => (parts with { Unified = parts.Unified.Slice(0, 20) }).On(side));
                Refused(() => (parts with { Mask = parts.Mask.Slice(0, (6 * Experts) - 1) }).On(side));
                Refused(() => (parts with { Mask = parts.Mask with { DType = DType.Int32 } }).On(side));
                Refused(() => (parts with { Scales = parts.Scales.Slice(0, Experts - 1) }).On(side));
                Refused(() => (parts with { Scales = parts.Scales with { DType = DType.Int32 } }).On(side));
            },
            "refused");
    }

    private static void Refused(Action action) => Assert.That(action, Throws.InstanceOf<ArgumentException>());

    private static void Refused(Func<MaskedBank> make) => Assert.That(() => make(), Throws.InstanceOf<ArgumentException>());

    private void Multiply(
        int[] batch, int experts, int channels, int columns, DType type, DType xType, Func<int, int, float[]> values,
        int offset)
    {
        using SideBySide both = SideBySide();
        MaskedParts bank = MaskedParts.Add(both, type, experts, channels, columns, offset, batch.Length, values);
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
        MaskedParts bank = MaskedParts.Add(both, type, experts, channels, columns, offset, vectors, values);
        Place x = both.Add(DType.Float32, ExpertData.Stored(values(vectors * columns, columns), DType.Float32), offset);
        Place y = both.Room(DType.Float32, vectors * channels, offset);
        both.SameButNaN(
            side => side.Queue.MatMul(bank.On(side), expert, side[x], side[y]),
            y,
            $"{vectors} vectors by expert {expert}, {channels} x {columns} of {type}, offset {offset}");
    }
}
