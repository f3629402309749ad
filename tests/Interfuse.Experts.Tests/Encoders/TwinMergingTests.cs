using Interfuse.Checkpoints;
using Interfuse.Experts.Encoders;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests.Encoders;

/// <summary>Packs of Twin-Merging: what is shared, what each expert has of its own, and how much of it a rank keeps.</summary>
internal sealed class TwinMergingTests
{
    private const string Weight = PackWorkshop.Projection;

    private static readonly string[] Three = ["add", "code", "math"];

    private readonly PackWorkshop _shop = new();

    [TearDown]
    public void CleanUp() => _shop.Dispose();

    [Test]
    public void Full_rank_brings_each_expert_back_within_the_stated_rounding(
        [Values(DType.BFloat16, DType.Float32, DType.Float16)] DType dtype,
        [Values("24x70", "70x24", "1x40", "40x1", "33x33")] string shape)
    {
        (int rows, int columns) = Shape(shape);
        MakeMatrices(dtype, rows, columns, Three);
        EncodingReport report = _shop.Pack(Yaml("rank: 1000, keep_cheaper: false", Three));
        Assert.That(report.Manifest.Tensors[0].Scheme, Is.EqualTo("low_rank"));
        Assert.That(PartShape("left"), Is.EqualTo((long[])[3, rows, Math.Min(rows, columns)]));
        float[] shared = Stored(dtype);
        foreach (string name in Three)
        {
            float[] own = Values(name, dtype);

            // The factors' roundings take (2u + u^2) of the own part's norm, the rows' u of the expert's, and the
            // decomposition in float32 and float64 a few parts in 10^7 of the own part's.
            double unit = dtype switch { DType.BFloat16 => Math.Pow(2, -8), DType.Float16 => Math.Pow(2, -11), _ => Math.Pow(2, -24) };
            double part = Norm(own.Zip(shared, (x, s) => (double)x - s));
            double bound = (((2 * unit) + (unit * unit) + 5e-7) * part) + (1.01 * unit * Norm(own.Select(x => (double)x)));
            double error = Norm(own.Zip(Expert(name, dtype), (x, y) => (double)x - y));
            Assert.That(error, Is.LessThanOrEqualTo(bound), name);
            if (dtype == DType.Float32)
            {
                Assert.That(error, Is.LessThanOrEqualTo(1e-6 * Norm(own.Select(x => (double)x))), name);
            }
        }
    }

    [TestCase("task_arithmetic", "", 0.3)]
    [TestCase("task_arithmetic", ", lambda: 0.7", 0.7)]
    [TestCase("ties", ", density: 0.4", 1)]
    [TestCase("ties", ", density: 0.4, lambda: 1.5", 1.5)]
    public void The_shared_matrix_is_what_the_static_method_makes(string method, string settings, double lambda)
    {
        MakeMatrices(DType.BFloat16, 24, 70, Three);
        _shop.Pack(Yaml($"shared: {method}{settings}, rank: 2", Three));
        string density = method == "ties" ? ", parameters: {density: 0.4}" : "";
        _shop.Merge(
            $"merge_method: {method}\nbase_model: ./base\nparameters: {{lambda: {lambda}}}\n"
            + $"models: [{string.Join(", ", Three.Select(name => $"{{model: ./{name}, parameters: {{weight: 1{(density.Length > 0 ? ", density: 0.4" : "")}}}}}"))}]\n",
            "merged");
        Assert.That(Stored(DType.BFloat16), Is.EqualTo(Values("merged", DType.BFloat16)));
    }

    [Test]
    public void The_linear_shared_matrix_is_the_mean()
    {
        MakeMatrices(DType.Float32, 24, 70, Three);
        _shop.Pack(Yaml("shared: linear, rank: 2", Three));
        float[][] experts = [.. Three.Select(name => Values(name, DType.Float32))];
        float[] mean = [.. experts[0].Select((_, i) => experts.Average(values => values[i]))];
        Assert.That(Stored(DType.Float32), Is.EqualTo(mean).Within(1e-6));
    }

    [Test]
    public void Energies_are_those_of_what_comes_out_of_the_pack(
        [Values(DType.BFloat16, DType.Float32)] DType dtype, [Values("rank: 3", "energy: 0.6", "budget: 0.7")] string rule)
    {
        MakeMatrices(dtype, 48, 70, Three);
        EncodingReport report = _shop.Pack(Yaml(rule, Three));
        PackTensorEntry entry = report.Manifest.Tensors[0];
        Assert.That(entry.Scheme, Is.EqualTo("low_rank"));
        float[] origin = Values("base", dtype);
        for (int expert = 0; expert < 3; expert++)
        {
            float[] own = Values(Three[expert], dtype);
            double total = Square(own.Zip(origin, (x, b) => (double)x - b));
            double lost = Square(own.Zip(Expert(Three[expert], dtype), (x, y) => (double)x - y));
            Assert.That(entry.DeltaEnergy![expert], Is.EqualTo(total).Within(1e-5 * total));
            Assert.That(entry.LostEnergy![expert], Is.EqualTo(lost).Within(1e-4 * lost));
            Assert.That(lost, Is.LessThan(total));
        }
    }

    [TestCase("rank: 5", 5)]
    [TestCase("rank_share: 0.29", 13)]
    [TestCase("rank_share: 0.001", 1)]
    [TestCase("", 4)]
    [TestCase("rank: [{filter: q_proj, value: 7}, {value: 2}]", 7)]
    [TestCase("rank: [{filter: k_proj, value: 7}]", 4)]
    [TestCase("keep_cheaper: false, rank: 48", 48)]
    public void A_named_rank_is_what_is_stored(string rule, int rank)
    {
        MakeMatrices(DType.BFloat16, 48, 70, Three);
        _shop.Pack(Yaml(rule, Three));
        Assert.That(PartShape("left"), Is.EqualTo((long[])[3, 48, rank]));
        Assert.That(PartShape("right"), Is.EqualTo((long[])[3, rank, 70]));
    }

    [TestCase(300, 350, 20)]
    [TestCase(64, 320, 6)]
    public void The_error_is_hardly_more_than_the_least_of_the_rank(int rows, int columns, int rank)
    {
        MakeMatrices(DType.Float32, rows, columns, Three);
        EncodingReport report = _shop.Pack(Yaml($"rank: {rank}", Three));
        float[] shared = Stored(DType.Float32);
        for (int expert = 0; expert < 3; expert++)
        {
            float[] own = Values(Three[expert], DType.Float32);
            double[][] part = [.. Enumerable.Range(0, rows).Select(i =>
                Enumerable.Range(0, columns).Select(j => (double)own[(i * columns) + j] - shared[(i * columns) + j]).ToArray())];
            double least = Factorization.Jacobi.SingularValues(part)[rank..].Sum(value => value * value);
            Assert.That(report.Manifest.Tensors[0].LostEnergy![expert], Is.InRange(least * (1 - 1e-4), least * 1.03));
        }
    }

    [TestCase(0.5)]
    [TestCase(0.9)]
    public void The_lowest_rank_that_keeps_the_energy_of_every_expert_is_taken(double energy)
    {
        MakeMatrices(DType.Float32, 30, 90, Three);
        _shop.Pack(Yaml($"energy: {energy}, keep_cheaper: false", Three));
        int rank = (int)PartShape("left")[2];
        double[] kept = KeptOfOwnParts(rank, 30, 90);
        Assert.That(kept, Is.All.GreaterThanOrEqualTo(energy - 1e-6));
        Assert.That(KeptOfOwnParts(rank - 1, 30, 90).Min(), Is.LessThan(energy));

        float[] shared = Stored(DType.Float32);
        for (int expert = 0; expert < 3; expert++)
        {
            float[] own = Values(Three[expert], DType.Float32);
            double total = Square(own.Zip(shared, (x, s) => (double)x - s));
            double lost = Square(own.Zip(Expert(Three[expert], DType.Float32), (x, y) => (double)x - y));
            Assert.That(1 - (lost / total), Is.EqualTo(kept[expert]).Within(1e-5));
        }
    }

    [TestCase("energy: 0.999")]
    [TestCase("rank: 40")]
    [TestCase("energy: 1")]
    public void A_matrix_whose_factors_cost_as_much_is_kept_to_the_bit(string rule)
    {
        MakeMatrices(DType.BFloat16, 48, 70, Three);
        EncodingReport report = _shop.Pack(Yaml(rule, Three));
        Assert.That(report.Manifest.Tensors[0].Scheme, Is.EqualTo("grouped"));
        Assert.That(report.Manifest.Tensors[0].LostEnergy, Is.All.Zero);
        Assert.That(report.Manifest.Tensors[0].DeltaEnergy, Is.All.GreaterThan(0));
        foreach (string name in Three)
        {
            Assert.That(_shop.Export("pack", name)[Weight], Is.EqualTo(_shop.Model(name)[Weight]));
        }
    }

    [Test]
    public void A_matrix_kept_in_another_type_is_rounded_and_says_what_that_loses()
    {
        MakeMatrices(DType.Float32, 20, 30, Three);
        EncodingReport report = _shop.Pack(Yaml("rank: 20", Three) + "out_dtype: bfloat16\n");
        float[] own = Values("code", DType.Float32);
        byte[] rounded = StoredValue.StoreAll(own, DType.BFloat16);
        Assert.That(_shop.Export("pack", "code")[Weight], Is.EqualTo(rounded));
        double lost = Square(own.Zip(StoredValue.ReadAll(rounded, DType.BFloat16), (x, y) => (double)x - y));
        Assert.That(report.Manifest.Tensors[0].LostEnergy![1], Is.EqualTo(lost).Within(1e-4 * lost));
    }

    [TestCase(0.45)]
    [TestCase(0.6)]
    [TestCase(0.9)]
    public void A_budget_is_spent_where_energy_is_and_not_exceeded(double budget)
    {
        MakeTwoMatrices();
        EncodingReport report = _shop.Pack(Yaml($"budget: {budget}", Three));
        Assert.That(report.TensorBytes, Is.LessThanOrEqualTo(budget * report.Manifest.EnsembleBytes));
        Assert.That(report.TensorBytes, Is.GreaterThan((budget - 0.03) * report.Manifest.EnsembleBytes));
        double[] kept = [.. report.Manifest.Tensors.Select(
            tensor => 1 - (tensor.LostEnergy!.Sum() / tensor.DeltaEnergy!.Sum()))];
        Assert.That(kept[0], Is.GreaterThan(0.8), "few directions are bought first");
        Assert.That(kept[1], budget < 0.9 ? Is.LessThan(kept[0]) : Is.EqualTo(1), "what is left buys others, or the experts' own");
    }

    [TestCase(3)]
    [TestCase(9)]
    public void A_budget_loses_no_more_than_one_rank_for_all_of_its_size(int rank)
    {
        MakeTwoMatrices();
        EncodingReport even = _shop.Pack(Yaml($"rank: {rank}", Three));
        double budget = (even.TensorBytes + 1.0) / even.Manifest.EnsembleBytes;
        EncodingReport spent = _shop.Pack(Yaml($"budget: {budget:R}", Three), "spent");
        Assert.That(spent.TensorBytes, Is.LessThanOrEqualTo(even.TensorBytes + 1));

        // Of each expert's own parts, as a share of what it has in the whole model.
        double Lost(EncodingReport report) => Enumerable.Range(0, 3).Sum(expert =>
            report.Manifest.Tensors.Sum(tensor => tensor.LostEnergy![expert]) / OwnEnergy(report, expert));
        Assert.That(Lost(spent), Is.LessThan(Lost(even) * 0.98));
    }

    [Test]
    public void A_budget_that_nothing_fits_into_is_refused_with_what_is_needed()
    {
        MakeMatrices(DType.BFloat16, 48, 70, Three);
        Assert.That(
            () => _shop.Pack(Yaml("budget: 0.2", Three)),
            Throws.InstanceOf<RecipeException>().With.Message.Contains("give at least that much").And.Message.Contains("0.334"));
    }

    [Test]
    public void With_nothing_but_the_shared_matrices_in_a_budget_they_stand_for_all()
    {
        MakeMatrices(DType.BFloat16, 48, 70, Three);
        EncodingReport report = _shop.Pack(Yaml("budget: 0.334", Three));
        Assert.That(report.Manifest.Tensors[0].Scheme, Is.EqualTo("shared"));
        Assert.That(Expert("code", DType.BFloat16), Is.EqualTo(Expert("math", DType.BFloat16)));
    }

    [Test]
    public void Experts_that_equal_the_base_have_factors_of_zero_and_come_back_to_the_bit(
        [Values("rank: 3", "energy: 0.9", "budget: 0.8")] string rule)
    {
        foreach (string name in (string[])["base", "one", "two"])
        {
            ModelFolder.Write(_shop[name], [Matrix(Weight, DType.BFloat16, 40, 50, "base")]);
        }

        EncodingReport report = _shop.Pack(Yaml(rule, "one", "two"));
        Assert.That(report.Manifest.Tensors[0].LostEnergy, Is.All.Zero);
        Assert.That(report.Manifest.Tensors[0].DeltaEnergy, Is.All.Zero);
        Assert.That(_shop.Export("pack", "two")[Weight], Is.EqualTo(_shop.Model("base")[Weight]));
        if (rule == "rank: 3")
        {
            Assert.That(PartBytes("left").Concat(PartBytes("right")), Is.All.Zero);
        }
    }

    [Test]
    public void One_expert_that_equals_the_base_is_not_that_of_the_shared_matrix()
    {
        ModelFolder.Write(_shop["base"], [Matrix(Weight, DType.Float32, 30, 40, "base")]);
        ModelFolder.Write(_shop["same"], [Matrix(Weight, DType.Float32, 30, 40, "base")]);
        ModelFolder.Write(_shop["add"], [Matrix(Weight, DType.Float32, 30, 40, "add")]);
        EncodingReport report = _shop.Pack(Yaml("rank: 30, keep_cheaper: false", "add", "same"));
        Assert.That(report.Manifest.Tensors[0].DeltaEnergy![1], Is.Zero);
        Assert.That(Expert("same", DType.Float32), Is.EqualTo(Values("base", DType.Float32)).Within(1e-6));
    }

    [TestCase(2)]
    [TestCase(4)]
    public void A_pack_takes_what_the_formula_says(int experts)
    {
        const int Rows = 400;
        const int Columns = 600;
        string[] names = [.. Enumerable.Range(0, experts).Select(expert => $"e{expert}")];
        MakeMatrices(DType.BFloat16, Rows, Columns, names);
        EncodingReport report = _shop.Pack(Yaml("rank: 20", names));
        double expected = 2.0 * ((Rows * Columns) + (experts * 20 * (Rows + Columns)));
        Assert.That(report.TensorBytes, Is.EqualTo(expected));
        Assert.That(Directory.GetFiles(_shop["pack"]).Sum(file => new FileInfo(file).Length), Is.EqualTo(expected).Within(2).Percent);
    }

    [Test]
    public void Tensors_that_are_no_matrices_inside_layers_are_shared_or_kept_to_the_bit()
    {
        _shop.Models(Three);
        _shop.Model("close", 9, normStep: 0);
        EncodingReport report = _shop.Pack(Yaml("rank: 2", Three));
        Dictionary<string, string> schemes = report.Manifest.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Scheme);
        Assert.That(schemes[PackWorkshop.Norm], Is.EqualTo("grouped"));
        Assert.That(schemes[PackWorkshop.Embedding], Is.EqualTo("grouped"));
        Assert.That(schemes[Weight], Is.EqualTo("low_rank"));
        Assert.That(_shop.Export("pack", "code")[PackWorkshop.Norm], Is.EqualTo(_shop.Model("code")[PackWorkshop.Norm]));

        report = _shop.Pack(Yaml("storage: [{filter: norm, value: shared}, {filter: proj, value: kept}]", Three), "other");
        schemes = report.Manifest.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Scheme);
        Assert.That(schemes[PackWorkshop.Norm], Is.EqualTo("shared"));
        Assert.That(schemes[Weight], Is.EqualTo("grouped"));
    }

    [TestCase("rank: 3", 1)]
    [TestCase("budget: 0.6", 3)]
    public void Bytes_depend_on_neither_threads_nor_an_interruption(string rule, int threads)
    {
        // Large enough for random directions.
        MakeMatrices(DType.BFloat16, 280, 300, Three);
        string yaml = Yaml(rule, Three);
        _shop.Pack(yaml, options: new MergeOptions { Threads = 2 });
        using var stopped = new CancellationTokenSource();
        stopped.Cancel();
        var options = new MergeOptions { Threads = threads, Resume = true };
        Assert.That(
            () => _shop.Pack(yaml, "again", options, stopped.Token), Throws.InstanceOf<OperationCanceledException>());
        _shop.Pack(yaml, "again", options);
        Assert.That(_shop.Digest("again"), Is.EqualTo(_shop.Digest("pack")));
    }

    [Test]
    public void The_order_of_experts_in_a_recipe_changes_nothing()
    {
        MakeMatrices(DType.BFloat16, 30, 40, Three);
        _shop.Pack(Yaml("rank: 3", Three));
        _shop.Pack(Yaml("rank: 3", "math", "add", "code"), "permuted");
        foreach (string file in (string[])["model.safetensors", "experts.safetensors"])
        {
            Assert.That(File.ReadAllBytes(_shop["permuted", file]), Is.EqualTo(File.ReadAllBytes(_shop["pack", file])), file);
        }
    }

    [TestCase("add", float.NaN)]
    [TestCase("add", float.PositiveInfinity)]
    [TestCase("base", float.NaN)]
    public void Values_that_are_no_numbers_are_refused_with_the_model_and_the_tensor(string culprit, float value)
    {
        foreach (string name in (string[])["base", "add", "code"])
        {
            (TensorSpec spec, byte[] data) = Matrix(Weight, DType.Float32, 4, 5, name);
            if (name == culprit)
            {
                StoredValue.Write(value, DType.Float32, data.AsSpan(12, 4));
            }

            ModelFolder.Write(_shop[name], [(spec, data)]);
        }

        Assert.That(
            () => _shop.Pack(Yaml("shared: linear", "add", "code")),
            Throws.TypeOf<CheckpointFormatException>().With.Message.Contains(_shop[culprit])
                .And.Message.Contains($"tensor '{Weight}'").And.Message.Contains("NaN"));
        Assert.That(_shop.Entries, Has.None.StartsWith("pack"));
        _shop.Pack(Yaml("storage: kept", "add", "code"));
    }

    [TestCase("rank: 2, energy: 0.5", "exclude each other")]
    [TestCase("rank_share: 0.5, budget: 0.5", "exclude each other")]
    [TestCase("rank: 2.5", "whole number")]
    [TestCase("rank: 0", "rank")]
    [TestCase("rank_share: 1.5", "rank_share")]
    [TestCase("energy: 2", "energy")]
    [TestCase("budget: [{filter: proj, value: 0.5}, {value: 0.6}]", "one share for the whole pack")]
    [TestCase("shared: median", "task_arithmetic")]
    [TestCase("density: 2, shared: ties", "density")]
    [TestCase("lambda: 1e39", "too large for float32")]
    [TestCase("storage: grouped", "kept")]
    [TestCase("groups: 2", "groups")]
    public void Parameters_that_make_no_sense_are_refused(string parameters, string message)
    {
        MakeMatrices(DType.BFloat16, 8, 9, Three);
        Assert.That(
            () => _shop.Pack(Yaml(parameters, Three)),
            Throws.InstanceOf<RecipeException>().With.Message.Contains(message));
    }

    [Test]
    public void Too_little_memory_is_refused_before_anything_is_read()
    {
        MakeMatrices(DType.BFloat16, 8, 9, Three);
        Assert.That(
            () => _shop.Pack(Yaml("", Three), options: new MergeOptions { MaxMemory = 1 << 20 }),
            Throws.TypeOf<InterfuseException>().With.Message.Contains("this pack needs at least"));
    }

    [Test]
    public void The_example_of_the_tiny_experts_takes_and_keeps_what_its_page_says()
    {
        var recipe = Recipe.Load(Repository.PathOf("examples", "tiny-experts", "twin_merging.yml"), PackMethods.RecipeSignatures);
        using PackPlan plan = PackPlan.Create(recipe, new MergeOptions());
        EncodingReport report = PackEncoder.Run(plan, _shop["pack"], new MergeProgress(), CancellationToken.None);
        Assert.That((double)report.TensorBytes / plan.EnsembleBytes, Is.EqualTo(0.412).Within(0.0005));
        double kept = 1 - (report.Manifest.Tensors.Sum(tensor => tensor.LostEnergy!.Sum())
            / report.Manifest.Tensors.Sum(tensor => tensor.DeltaEnergy!.Sum()));
        Assert.That(kept, Is.EqualTo(0.841).Within(0.0005));
    }

    // What a rank keeps at best of each expert's own part.
    private double[] KeptOfOwnParts(int rank, int rows, int columns)
    {
        float[] shared = Stored(DType.Float32);
        return [.. Three.Select(name =>
        {
            float[] own = Values(name, DType.Float32);
            double[][] part = [.. Enumerable.Range(0, rows).Select(i =>
                Enumerable.Range(0, columns).Select(j => (double)own[(i * columns) + j] - shared[(i * columns) + j]).ToArray())];
            double[] squares = [.. Factorization.Jacobi.SingularValues(part).Select(value => value * value)];
            return squares[..rank].Sum() / squares.Sum();
        })];
    }

    private double OwnEnergy(EncodingReport report, int expert)
    {
        Dictionary<string, byte[]> shared = _shop.Model("pack");
        Dictionary<string, byte[]> own = _shop.Model(Three[expert]);
        return report.Manifest.Tensors.Sum(tensor => Square(
            StoredValue.ReadAll(own[tensor.Name], DType.BFloat16)
                .Zip(StoredValue.ReadAll(shared[tensor.Name], DType.BFloat16), (x, s) => (double)x - s)));
    }

    // One matrix in which every expert has a direction of its own, and one in which each has all.
    private void MakeTwoMatrices()
    {
        foreach (string name in (string[])["base", .. Three])
        {
            ModelFolder.Write(_shop[name], [
                Matrix(Weight, DType.BFloat16, 80, 100, name, directions: 1),
                Matrix(Weight.Replace("q_proj", "o_proj", StringComparison.Ordinal), DType.BFloat16, 80, 100, name),
            ]);
        }
    }

    private void MakeMatrices(DType dtype, int rows, int columns, params string[] experts)
    {
        foreach (string name in (string[])["base", .. experts])
        {
            ModelFolder.Write(_shop[name], [Matrix(Weight, dtype, rows, columns, name)]);
        }
    }

    // What all have in common, and a tenth of that of one's own: in some directions, or in all of them less and less.
    private static (TensorSpec, byte[]) Matrix(
        string tensor, DType dtype, int rows, int columns, string name, int directions = int.MaxValue)
    {
        var common = new Random(tensor.Length);
        float[] values = [.. Enumerable.Range(0, rows * columns).Select(_ => (2 * common.NextSingle()) - 1)];
        if (name != "base")
        {
            var own = new Random(name.Sum(letter => letter) + tensor.Length);
            int count = Math.Min(Math.Min(rows, columns), directions);
            for (int k = 0; k < count; k++)
            {
                double size = 0.4 * (directions == int.MaxValue ? Math.Pow(0.93, k) : 1);
                double[] a = [.. Enumerable.Range(0, rows).Select(_ => size * ((2 * own.NextDouble()) - 1))];
                double[] b = [.. Enumerable.Range(0, columns).Select(_ => (2 * own.NextDouble()) - 1)];
                for (int i = 0; i < values.Length; i++)
                {
                    values[i] += (float)(a[i / columns] * b[i % columns]);
                }
            }
        }

        var spec = new TensorSpec(tensor, dtype, [rows, columns]);
        return (spec, StoredValue.StoreAll(values, dtype));
    }

    private static (int Rows, int Columns) Shape(string text) =>
        (int.Parse(text.Split('x')[0], null), int.Parse(text.Split('x')[1], null));

    private static string Yaml(string parameters, params string[] experts) =>
        PackWorkshop.Yaml(parameters, experts).Replace("channel_merging", "twin_merging", StringComparison.Ordinal);

    private float[] Values(string model, DType dtype) => StoredValue.ReadAll(_shop.Model(model)[Weight], dtype);

    private float[] Stored(DType dtype) => StoredValue.ReadAll(_shop.Model("pack")[Weight], dtype);

    private float[] Expert(string name, DType dtype) => StoredValue.ReadAll(_shop.Export("pack", name)[Weight], dtype);

    private long[] PartShape(string part)
    {
        using var file = SafetensorsFile.Open(_shop["pack", PackManifest.PartsFileName]);
        return [.. file.Tensors.Single(tensor => tensor.Name == $"{Weight}.{part}").Shape];
    }

    private byte[] PartBytes(string part)
    {
        using var file = SafetensorsFile.Open(_shop["pack", PackManifest.PartsFileName]);
        TensorInfo info = file.Tensors.Single(tensor => tensor.Name == $"{Weight}.{part}");
        byte[] bytes = new byte[info.ByteLength];
        file.Read(info, 0, bytes);
        return bytes;
    }

    private static double Square(IEnumerable<double> values) => values.Sum(value => value * value);

    private static double Norm(IEnumerable<double> values) => Math.Sqrt(Square(values));
}
