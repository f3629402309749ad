using System.Globalization;
using System.Runtime.InteropServices;
using FsCheck;
using FsCheck.Fluent;
using Interfuse.Checkpoints;
using Interfuse.Experts.Encoders;

namespace Interfuse.Experts.Tests.Encoders;

/// <summary>What holds for every base and every experts of it. A failure prints its seed and its smallest counterexample.</summary>
internal sealed class ChannelMergingProperties
{
    private const int Cases = 30;

    private static readonly Gen<string> Settings =
        from similarity in Gen.Elements("cosine", "euclidean")
        from lambda in Gen.Elements("1", "0.75", "1.5", "-2")
        select $"storage: grouped, similarity: {similarity}, lambda: {lambda}";

    [Test]
    public void As_many_groups_as_experts_give_every_expert_back_bit_for_bit() => Check(
        RandomExperts.Any(),
        Settings,
        (models, settings) =>
        {
            using var shop = new PackWorkshop();
            models.Write(shop);
            EncodingReport report = shop.Pack(PackWorkshop.Yaml($"groups: {models.Count}, {settings}", models.Names));
            foreach (string expert in models.Names)
            {
                AssertSame(shop.Expert("pack", report.Manifest, expert), shop.Model(expert), models.DType);
            }

            Assert.That(report.Manifest.Tensors.SelectMany(tensor => tensor.LostEnergy ?? []), Is.All.Zero);
        });

    [Test]
    public void One_group_is_task_arithmetic_with_equal_weights_bit_for_bit() => Check(
        RandomExperts.Any(fewest: 2),
        Gen.Elements(1, 0.75, 1.5),
        (models, lambda) =>
        {
            using var shop = new PackWorkshop();
            models.Write(shop);
            string factor = lambda.ToString(CultureInfo.InvariantCulture);
            string weight = (1.0 / models.Count).ToString("R", CultureInfo.InvariantCulture);
            EncodingReport report = shop.Pack(
                PackWorkshop.Yaml($"groups: 1, storage: grouped, lambda: {factor}", models.Names));
            shop.Merge(
                "merge_method: task_arithmetic\nbase_model: ./base\n"
                + $"models: [{string.Join(", ", models.Names.Select(e => $"{{model: ./{e}, parameters: {{weight: {weight}}}}}"))}]\n"
                + $"parameters: {{lambda: {factor}}}",
                "merged");
            Dictionary<string, byte[]> merged = shop.Model("merged");
            foreach (string expert in models.Names)
            {
                AssertSame(shop.Expert("pack", report.Manifest, expert), merged, models.DType);
            }
        });

    [Test]
    public void Identical_experts_share_every_row_and_lose_nothing() => Check(
        RandomExperts.Any(fewest: 3),
        from groups in Gen.Choose(2, 8)
        from settings in Settings
        select $"groups: {groups}, {settings}",
        (models, parameters) => AssertOneForAll(models.AllTheFirst(), parameters));

    [Test]
    public void Whatever_the_budget_identical_experts_share_every_row_and_lose_nothing() => Check(
        RandomExperts.Any(fewest: 2, isFinite: true),
        from percent in Gen.Choose(0, 20)
        from settings in Settings
        select (percent, settings),
        (models, drawn) =>
        {
            // A row of each channel and the tables, at least.
            models = models.AllTheFirst();
            long row = models.Columns * models.DType.Size();
            double least = (row + (4.0 * models.Count)) / (row * models.Count);
            double budget = Math.Min(1, least + 0.001 + (drawn.percent / 100.0));
            if (least < budget)
            {
                AssertOneForAll(
                    models, $"budget: {budget.ToString("R", CultureInfo.InvariantCulture)}, {drawn.settings}");
            }
        });

    [Test]
    public void The_order_of_experts_in_a_recipe_changes_no_byte() => Check(
        RandomExperts.Any(fewest: 2),
        from groups in Gen.Choose(1, 8)
        from settings in Settings
        from seed in Gen.Choose(0, int.MaxValue)
        select (Parameters: $"groups: {groups}, {settings}", seed),
        (models, drawn) =>
        {
            using var shop = new PackWorkshop();
            models.Write(shop);
            string[] shuffled = models.Names;
            new Random(drawn.seed).Shuffle(shuffled);
            shop.Pack(PackWorkshop.Yaml(drawn.Parameters, models.Names));
            shop.Pack(PackWorkshop.Yaml(drawn.Parameters, shuffled), "permuted");
            foreach (string file in (string[])["model.safetensors", "index.safetensors"])
            {
                Assert.That(File.ReadAllBytes(shop["permuted", file]), Is.EqualTo(File.ReadAllBytes(shop["pack", file])));
            }
        });

    // Ties, as zero and non-finite rows have them, are broken by the order of the names, and sums of three or more are
    // rounded in that order: what is compared is who shares a row with whom, of rows without ties.
    [Test]
    public void Other_names_for_the_experts_share_the_same_rows() => Check(
        RandomExperts.Any(fewest: 2, isFinite: true),
        from groups in Gen.Choose(1, 8)
        from settings in Settings
        from seed in Gen.Choose(0, int.MaxValue)
        select (Parameters: $"groups: {groups}, {settings}", seed),
        (models, drawn) =>
        {
            if (models.Columns < 6 || HasTies(models))
            {
                return;
            }

            using var shop = new PackWorkshop();
            int[] order = [.. Enumerable.Range(0, models.Count)];
            new Random(drawn.seed).Shuffle(order);
            models.Write(shop);
            shop.Pack(PackWorkshop.Yaml(drawn.Parameters, models.Names));
            models.Permuted(order).Write(shop);
            shop.Pack(PackWorkshop.Yaml(drawn.Parameters, models.Names), "permuted");
            int[] table = Table(shop, "pack");
            int[] permuted = Table(shop, "permuted");
            for (int channel = 0; channel < models.Rows; channel++)
            {
                for (int e = 0; e < models.Count; e++)
                {
                    for (int f = 0; f < e; f++)
                    {
                        bool IsShared(int[] rows, int first, int second) =>
                            rows[(first * models.Rows) + channel] == rows[(second * models.Rows) + channel];
                        Assert.That(IsShared(permuted, e, f), Is.EqualTo(IsShared(table, order[e], order[f])), $"channel {channel}");
                    }
                }
            }
        });

    private static void Check<TSettings>(
        Arbitrary<RandomExperts> models, Gen<TSettings> settings, Action<RandomExperts, TSettings> property) => Prop.ForAll(
            models, Arb.From(settings), property).Check(Config.QuickThrowOnFailure.WithMaxTest(Cases));

    private static void AssertOneForAll(RandomExperts models, string parameters)
    {
        using var shop = new PackWorkshop();
        models.Write(shop);
        EncodingReport report = shop.Pack(PackWorkshop.Yaml(parameters, models.Names));
        using (var banks = Checkpoint.Open(shop["pack"]))
        {
            Assert.That(banks.Tensors.Select(bank => bank.Info.Shape[0]), Is.EquivalentTo(new long[] { models.Rows, 1 }));
        }

        foreach (string expert in models.Names)
        {
            AssertSame(shop.Expert("pack", report.Manifest, expert), shop.Model(expert), models.DType);
        }

        Assert.That(report.Manifest.Tensors.SelectMany(tensor => tensor.LostEnergy ?? []), Is.All.Zero);
    }

    // Byte by byte; but one NaN is as good as another.
    private static void AssertSame(Dictionary<string, byte[]> found, Dictionary<string, byte[]> expected, DType dtype)
    {
        foreach ((string name, byte[] bytes) in expected)
        {
            Assert.That(Canonical(found[name], dtype), Is.EqualTo(Canonical(bytes, dtype)), name);
        }
    }

    private static uint[] Canonical(byte[] bytes, DType dtype) =>
    [
        .. Enumerable.Range(0, bytes.Length / dtype.Size()).Select(i =>
        {
            if (dtype == DType.Float32)
            {
                uint wide = MemoryMarshal.Read<uint>(bytes.AsSpan(4 * i));
                return float.IsNaN(BitConverter.UInt32BitsToSingle(wide)) ? uint.MaxValue : wide;
            }

            uint bits = MemoryMarshal.Read<ushort>(bytes.AsSpan(2 * i));
            uint infinity = dtype == DType.Float16 ? 0x7C00u : 0x7F80u;
            return (bits & 0x7FFF) > infinity ? uint.MaxValue : bits;
        }),
    ];

    private static int[] Table(PackWorkshop shop, string pack)
    {
        using var index = SafetensorsFile.Open(shop[pack, PackManifest.IndexFileName]);
        TensorInfo table = index.Tensors.Single(tensor => tensor.Name == PackWorkshop.Projection);
        byte[] bytes = new byte[table.ByteLength];
        index.Read(table, 0, bytes);
        return [.. MemoryMarshal.Cast<byte, int>(bytes)];
    }

    // Rows that two models have in common.
    private static bool HasTies(RandomExperts models) => Enumerable.Range(0, models.Rows).Any(row =>
        models.Models.Select(bits => string.Join(' ', bits.Skip(row * models.Columns).Take(models.Columns)))
            .Distinct().Count() < models.Models.Length);
}
