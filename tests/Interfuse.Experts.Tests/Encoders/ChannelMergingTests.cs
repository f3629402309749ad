using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts.Encoders;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests.Encoders;

internal sealed class ChannelMergingTests
{
    private static readonly string[] Four = ["add", "code", "math", "zen"];

    private readonly PackWorkshop _shop = new();

    [TearDown]
    public void CleanUp() => _shop.Dispose();

    [Test]
    public void As_many_groups_as_experts_give_every_expert_back_bit_for_bit_by_heads_too(
        [Values(DType.BFloat16, DType.Float32)] DType dtype)
    {
        _shop.Model("base", 0, dtype, step: 0);
        string[] experts = Four[..3];
        for (int expert = 0; expert < 3; expert++)
        {
            _shop.Model(experts[expert], expert + 1, dtype);
        }

        EncodingReport report = _shop.Pack(PackWorkshop.Yaml("groups: 3, granularity: head, storage: grouped, lambda: 1.5", experts));

        foreach (string expert in experts)
        {
            Assert.That(_shop.Expert("pack", report.Manifest, expert), Is.EqualTo(_shop.Model(expert)), expert);
        }

        Assert.That(report.Manifest.Tensors.SelectMany(tensor => tensor.LostEnergy!), Is.All.Zero);
    }

    [Test]
    public void The_order_of_experts_in_a_recipe_changes_nothing_of_what_a_budget_buys()
    {
        const string Parameters = "budget: 0.7";
        _shop.Models(Four);
        EncodingReport report = _shop.Pack(PackWorkshop.Yaml(Parameters, Four));
        EncodingReport permuted = _shop.Pack(PackWorkshop.Yaml(Parameters, ["zen", "add", "math", "code"]), "permuted");

        Assert.That(permuted.Manifest.Experts, Is.EqualTo(report.Manifest.Experts));
        foreach (string file in (string[])["model.safetensors", "index.safetensors", "config.json"])
        {
            Assert.That(
                File.ReadAllBytes(_shop["permuted", file]), Is.EqualTo(File.ReadAllBytes(_shop["pack", file])), file);
        }
    }

    [Test]
    public void Every_row_is_a_group_of_the_best_partition([Values("cosine", "euclidean")] string similarity)
    {
        _shop.Models(Four);
        EncodingReport report = _shop.Pack(PackWorkshop.Yaml($"groups: 2, similarity: {similarity}", Four));
        float[] origin = Floats(_shop.Model("base"));
        float[][] own = [.. Four.Select(expert => Floats(_shop.Model(expert)))];
        float[][] stored = [.. Four.Select(expert => Floats(_shop.Expert("pack", report.Manifest, expert)))];

        for (int channel = 0; channel < PackWorkshop.Channels; channel++)
        {
            double[] gram = Gram(origin, own, channel);
            byte[] best = new byte[4];
            ChannelPartition.Best(gram, 4, 2, Enum.Parse<ChannelSimilarity>(similarity, ignoreCase: true), best);
            for (int e = 0; e < 4; e++)
            {
                for (int f = 0; f < 4; f++)
                {
                    Assert.That(
                        Row(stored[e], channel).SequenceEqual(Row(stored[f], channel)), Is.EqualTo(best[e] == best[f]),
                        $"channel {channel}, experts {e} and {f}");
                }
            }
        }

        static ReadOnlySpan<float> Row(float[] matrix, int channel) =>
            matrix.AsSpan(channel * PackWorkshop.Columns, PackWorkshop.Columns);
    }

    [Test]
    public void Lost_energy_is_the_squared_distance_to_what_is_stored()
    {
        foreach ((string name, int seed, float step) in
            (ReadOnlySpan<(string, int, float)>)[("base", 0, 0), ("add", 1, 0.1f), ("code", 2, 0.1f), ("math", 3, 0.1f)])
        {
            _shop.Model(name, seed, DType.Float32, step);
        }

        string[] experts = Four[..3];
        EncodingReport report = _shop.Pack(PackWorkshop.Yaml("groups: 2, lambda: 0.9", experts));
        PackTensorEntry entry = report.Manifest.Tensors.Single(tensor => tensor.Name == PackWorkshop.Projection);
        for (int expert = 0; expert < 3; expert++)
        {
            float[] own = Floats(_shop.Model(experts[expert]));
            float[] stored = Floats(_shop.Expert("pack", report.Manifest, experts[expert]));
            double lost = own.Zip(stored, (x, y) => ((double)x - y) * ((double)x - y)).Sum();
            Assert.That(entry.LostEnergy![expert], Is.EqualTo(lost).Within(1e-4 * lost));
        }
    }

    [Test]
    public void Rows_of_a_head_stay_together()
    {
        _shop.Models(Four);
        EncodingReport report = _shop.Pack(PackWorkshop.Yaml("groups: 2, granularity: head", Four));
        byte[][] stored = [.. Four.Select(e => _shop.Expert("pack", report.Manifest, e)[PackWorkshop.Projection])];
        const int RowBytes = 2 * PackWorkshop.Columns;
        bool Same(int first, int second, int channel) =>
            stored[first].AsSpan(channel * RowBytes, RowBytes).SequenceEqual(stored[second].AsSpan(channel * RowBytes, RowBytes));

        for (int channel = 0; channel < PackWorkshop.Channels; channel++)
        {
            for (int expert = 1; expert < 4; expert++)
            {
                Assert.That(Same(0, expert, channel), Is.EqualTo(Same(0, expert, channel - (channel % 6))));
            }
        }
    }

    [Test]
    public void What_is_no_projection_is_shared_where_the_experts_agree_and_else_kept()
    {
        _shop.Model("base", 0, step: 0, normStep: 0);
        _shop.Model("add", 1, normStep: 0.001f);
        _shop.Model("code", 2, normStep: 0.001f);
        EncodingReport report = _shop.Pack(PackWorkshop.Yaml("share_within: 0.01", "add", "code"));

        Dictionary<string, string> schemes = report.Manifest.Tensors.ToDictionary(t => t.Name, t => t.Scheme);
        Assert.That(schemes[PackWorkshop.Norm], Is.EqualTo("shared"));
        Assert.That(schemes[PackWorkshop.Embedding], Is.EqualTo("grouped"));
        Assert.That(
            _shop.Expert("pack", report.Manifest, "code")[PackWorkshop.Embedding],
            Is.EqualTo(_shop.Model("code")[PackWorkshop.Embedding]));
    }

    [TestCase(0.45)]
    [TestCase(0.6)]
    [TestCase(0.8)]
    [TestCase(1.0)]
    public void A_budget_is_kept_and_loses_no_more_than_a_fixed_number_of_groups(double budget)
    {
        _shop.Models(Four);
        const string Storage = "storage: grouped";
        EncodingReport report = _shop.Pack(PackWorkshop.Yaml($"budget: {budget}, {Storage}", Four));
        Assert.That(report.TensorBytes, Is.LessThanOrEqualTo(budget * report.Manifest.EnsembleBytes)
            .Or.EqualTo(report.Manifest.EnsembleBytes));
        for (int groups = 1; groups <= 4; groups++)
        {
            EncodingReport fix = _shop.Pack(
                PackWorkshop.Yaml($"groups: {groups}, similarity: euclidean, {Storage}", Four), $"fixed{groups}");
            if (fix.TensorBytes <= budget * report.Manifest.EnsembleBytes)
            {
                Assert.That(Lost(report), Is.LessThanOrEqualTo(Lost(fix) * (1 + 1e-9)), $"{groups} groups");
            }
        }

        static double Lost(EncodingReport report) => Enumerable.Range(0, 4).Sum(expert => LostShare(report, expert));
    }

    [Test]
    public void How_far_an_expert_went_does_not_decide_whose_rows_a_budget_merges()
    {
        var random = new Random(3);
        float[] origin = new float[PackWorkshop.Channels * PackWorkshop.Columns];
        Write("base", origin, 1);
        foreach (string expert in Four[..3])
        {
            Write(expert, [.. origin.Select(_ => random.NextSingle() - 0.5f)], 1);
        }

        float[] last = [.. origin.Select(_ => random.NextSingle() - 0.5f)];
        string yaml = PackWorkshop.Yaml("budget: 0.6", Four);
        Write("zen", last, 1);
        _shop.Pack(yaml, "near");
        Write("zen", last, 4);
        _shop.Pack(yaml, "far");

        Assert.That(
            File.ReadAllBytes(_shop["far", "index.safetensors"]),
            Is.EqualTo(File.ReadAllBytes(_shop["near", "index.safetensors"])));

        void Write(string name, float[] values, float times) => ModelFolder.Write(
            _shop[name],
            [ModelTensors.Float32(
                PackWorkshop.Projection,
                [PackWorkshop.Channels, PackWorkshop.Columns],
                Array.ConvertAll(values, value => times * value))]);
    }

    [Test]
    public void A_budget_below_one_row_per_channel_is_refused_with_the_least_that_works()
    {
        _shop.Models(Four);
        Assert.That(
            () => _shop.Pack(PackWorkshop.Yaml("budget: 0.2, storage: grouped", Four)),
            Throws.InstanceOf<RecipeException>().With.Message.Match("'budget' is 0.2, but one row per channel .* 0\\.\\d+ "));
        Assert.That(_shop.Entries, Has.None.StartsWith("pack"));
    }

    [TestCase(1)]
    [TestCase(3)]
    public void Bytes_depend_on_neither_threads_nor_an_interruption(int threads)
    {
        _shop.Models(Four);
        string yaml = PackWorkshop.Yaml("budget: 0.6", Four);
        _shop.Pack(yaml);

        // Stopped before it began; then continued.
        using var stopped = new CancellationTokenSource();
        stopped.Cancel();
        var options = new MergeOptions { Threads = threads, Resume = true };
        Assert.That(
            () => _shop.Pack(yaml, "again", options, stopped.Token), Throws.InstanceOf<OperationCanceledException>());
        _shop.Pack(yaml, "again", options);

        Assert.That(_shop.Digest("again"), Is.EqualTo(_shop.Digest("pack")));
    }

    [TestCase("groups: 2.5", "'groups' is 2.5 .* whole number")]
    [TestCase("groups: 2, budget: 0.5", "exclude each other")]
    [TestCase("similarity: cosin", "did you mean 'cosine'")]
    [TestCase("granularity: [channel, head]", "gradient of the wrong kind")]
    [TestCase("groups: 17", "from 1 to 16")]
    [TestCase("budget: [0.2, 0.5]", "one share for the whole pack")]
    public void Parameters_that_make_no_sense_are_refused(string parameters, string message)
    {
        _shop.Models(Four);
        Assert.That(
            () => _shop.Pack(PackWorkshop.Yaml(parameters, Four)),
            Throws.InstanceOf<RecipeException>().With.Message.Match(message));
    }

    [Test]
    public void Experts_take_the_names_of_the_recipe_or_of_their_folders()
    {
        _shop.Models("add", "code");
        string yaml = "merge_method: channel_merging\nbase_model: ./base\nmodels:\n  - {model: ./add/, name: sums}\n  - model: ./code\n";
        Assert.That(_shop.Pack(yaml).Manifest.Experts, Is.EqualTo((string[])["code", "sums"]));
        Assert.That(
            () => _shop.Pack(yaml.Replace("sums", "code", StringComparison.Ordinal), "other"),
            Throws.InstanceOf<RecipeException>().With.Message.Contains("two experts are called 'code'"));
        Assert.That(
            () => _shop.Read(yaml.Replace("channel_merging", "ties", StringComparison.Ordinal)),
            Throws.InstanceOf<RecipeException>().With.Message.Contains("'name' has no effect"));
    }

    // Of an expert's delta energy over the whole model.
    private static double LostShare(EncodingReport report, int expert) =>
        report.Manifest.Tensors.Sum(tensor => tensor.LostEnergy![expert])
        / report.Manifest.Tensors.Sum(tensor => tensor.DeltaEnergy![expert]);

    private static float[] Floats(Dictionary<string, byte[]> model)
    {
        byte[] bytes = model[PackWorkshop.Projection];
        DType dtype = bytes.Length == 4 * PackWorkshop.Channels * PackWorkshop.Columns ? DType.Float32 : DType.BFloat16;
        float[] values = new float[bytes.Length / dtype.Size()];
        new CpuKernels().Widen(bytes, dtype, values);
        return values;
    }

    private static double[] Gram(float[] origin, float[][] experts, int channel)
    {
        double[] gram = new double[experts.Length * experts.Length];
        for (int e = 0; e < experts.Length; e++)
        {
            for (int f = 0; f < experts.Length; f++)
            {
                for (int i = channel * PackWorkshop.Columns; i < (channel + 1) * PackWorkshop.Columns; i++)
                {
                    gram[(e * experts.Length) + f] +=
                        (double)(experts[e][i] - origin[i]) * (experts[f][i] - origin[i]);
                }
            }
        }

        return gram;
    }
}
