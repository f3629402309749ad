using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

[EveryDevice]
public class ClusteringTests(TestDevice device) : DeviceFixture(device)
{
    private static readonly ChannelSimilarity[] Similarities = Enum.GetValues<ChannelSimilarity>();

    // Around the steps of 8, 16, 128 and 1024 elements that devices take.
    private static readonly int[] Columns = [1, 7, 8, 15, 40, 136, 1000, 1024, 1031, 3080];

    [Test]
    public void Every_number_of_experts_and_groups_gives_the_same_bits(
        [Range(1, 16)] int experts, [ValueSource(nameof(Similarities))] ChannelSimilarity similarity)
    {
        for (int groups = 1; groups <= experts; groups++)
        {
            int columns = Columns[(experts + groups) % Columns.Length];
            Check(3, columns, experts, new ChannelClustering(groups, similarity), Blocks.Plain, DType.BFloat16, groups);
        }
    }

    [Test]
    public void Every_row_length_type_and_alignment_gives_the_same_bits(
        [ValueSource(nameof(Columns))] int columns, [Values(0, 1, 8)] int offset)
    {
        foreach (DType dtype in ExpertData.Types)
        {
            Check(
                2, columns, 3, new ChannelClustering(2, ChannelSimilarity.Cosine, 0.7f), Blocks.Coarse, dtype, columns, offset);
        }
    }

    [TestCase(1)]
    [TestCase(4)]
    [TestCase(9)]
    public void Types_may_differ(int experts)
    {
        using SideBySide both = SideBySide();
        DType[] types = ExpertData.Types;
        const int channels = 3;
        const int columns = 200;
        Place origin = both.Add(DType.Float16, ExpertData.Stored(Blocks.Plain(channels * columns, 1), DType.Float16));
        Place[] inputs = [.. Enumerable.Range(0, experts).Select(expert => both.Add(
            types[expert % 4],
            ExpertData.Stored(Blocks.Plain(channels * columns, expert + 2), types[expert % 4])))];
        Cluster(both, origin, inputs, channels, new ChannelClustering((experts + 1) / 2), DType.Float32, 0, "mixed types");
    }

    [Test]
    public void Nan_infinity_denormals_and_signed_zeros_give_the_same_bits(
        [Values(2, 4, 7, 11)] int experts, [Values(1f, -0.5f)] float lambda)
    {
        foreach (ChannelSimilarity similarity in Similarities)
        {
            Check(5, 24, experts, new ChannelClustering(2, similarity, lambda), Blocks.Mixed, DType.Float32, experts);
            Check(5, 9, experts, new ChannelClustering(2, similarity, lambda), Blocks.Nasty, DType.Float64, experts);
            Check(40, 3, experts, new ChannelClustering(2, similarity, lambda), Blocks.Ties, DType.BFloat16, experts);
        }
    }

    [Test]
    public void As_many_groups_as_experts_keep_every_expert_and_lose_nothing([Values(1, 3, 8, 16)] int experts)
    {
        const int channels = 4;
        const int columns = 72;
        using SideBySide both = SideBySide();
        byte[][] values = [.. Enumerable.Range(0, experts + 1).Select(
            i => ExpertData.Stored(Blocks.Plain(channels * columns, i), DType.BFloat16))];
        Place[] places = [.. values.Select(bytes => both.Add(DType.BFloat16, bytes))];
        (byte[] bank, double[] energies) = Cluster(
            both, places[0], places[1..], channels, new ChannelClustering(experts), DType.BFloat16, 0, "K = N");
        Assert.That(bank, Is.EqualTo(values[1..].SelectMany(bytes => bytes).ToArray()));
        Assert.That(energies.Where((_, i) => i % 2 == 1), Is.All.Zero);
        Assert.That(energies.Where((_, i) => i % 2 == 0), Is.All.Positive);
    }

    [Test]
    public void A_lambda_of_zero_gives_the_base()
    {
        using SideBySide both = SideBySide();
        byte[] origin = ExpertData.Stored(Blocks.Plain(90, 1), DType.Float32);
        Place[] experts = [.. Enumerable.Range(2, 3).Select(
            seed => both.Add(DType.Float32, ExpertData.Stored(Blocks.Plain(90, seed), DType.Float32)))];
        (byte[] bank, _) = Cluster(
            both, both.Add(DType.Float32, origin), experts, 9, new ChannelClustering(1, Lambda: 0f), DType.Float32, 0,
            "lambda 0");
        Assert.That(bank, Is.EqualTo(origin));
    }

    [Test]
    public void Arguments_that_do_not_fit_are_refused()
    {
        using SideBySide both = SideBySide();
        Place matrix = both.Room(DType.Float32, 12);
        Place bank = both.Room(DType.Float32, 24);
        Place groups = both.Room(DType.UInt8, 9);
        Place energies = both.Room(DType.Float64, 6);
        both.Same(
            side =>
            {
                DeviceSpan m = side[matrix];
                Assert.That(() => Do(m, [m, m, m], 3, 0, side[bank], side[groups]), Throws.ArgumentException);
                Assert.That(() => Do(m, [m, m, m], 3, 4, side[bank], side[groups]), Throws.ArgumentException);
                Assert.That(() => Do(m, [], 3, 1, side[bank], side[groups]), Throws.ArgumentException);
                Assert.That(() => Do(m, [m, m, m], 5, 2, side[bank], side[groups]), Throws.ArgumentException);
                Assert.That(() => Do(m, [m, m, m], 3, 1, side[bank], side[groups]), Throws.ArgumentException);
                Assert.That(() => Do(m, [m, m, side[bank].Slice(0, 12)], 3, 2, side[bank], side[groups]), Throws.ArgumentException);
                Assert.That(() => Do(m, [m, m], 3, 2, side[bank], side[groups]), Throws.ArgumentException);

                void Do(DeviceSpan b, DeviceSpan[] e, long channels, int k, DeviceSpan to, DeviceSpan table) =>
                    side.Queue.ClusterChannels(b, e, channels, new ChannelClustering(k), to, table, side[energies]);
            },
            "refused");
    }

    private void Check(
        int channels,
        int columns,
        int experts,
        ChannelClustering clustering,
        Func<int, int, float[]> values,
        DType dtype,
        int seed,
        int offset = 0)
    {
        using SideBySide both = SideBySide();
        Place[] places = [.. Enumerable.Range(0, experts + 1).Select(i => both.Add(
            dtype, ExpertData.Stored(values(channels * columns, (100 * seed) + i), dtype), offset))];
        Cluster(
            both, places[0], places[1..], channels, clustering, dtype, offset,
            $"{channels} x {columns} of {dtype}, {experts} experts, {clustering}");
    }

    private static (byte[] Bank, double[] Energies) Cluster(
        SideBySide both,
        Place origin,
        Place[] experts,
        int channels,
        ChannelClustering clustering,
        DType dtype,
        int offset,
        string what)
    {
        Place bank = both.Room(dtype, checked((int)origin.Length) * clustering.Groups, offset);
        Place groups = both.Room(DType.UInt8, experts.Length * channels, offset);
        Place energies = both.Room(DType.Float64, 2 * channels);
        byte[] bankBytes = new byte[bank.Length * dtype.Size()];
        byte[] energyBytes = new byte[2 * channels * sizeof(double)];
        both.Same(
            side =>
            {
                side.Queue.ClusterChannels(
                    side[origin], side[experts], channels, clustering, side[bank], side[groups], side[energies]);
                side.Queue.Download(side[bank], bankBytes);
                side.Queue.Download(side[energies], energyBytes);
            },
            what);
        return (bankBytes, MemoryMarshal.Cast<byte, double>(energyBytes).ToArray());
    }
}
