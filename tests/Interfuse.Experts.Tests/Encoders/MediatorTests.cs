using Interfuse.Checkpoints;
using Interfuse.Experts.Encoders;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;

namespace Interfuse.Experts.Tests.Encoders;

/// <summary>Packs of Mediator: which layers are routed, what is kept of each expert, and what comes back.</summary>
internal sealed class MediatorTests
{
    private static readonly string[] Three = ["add", "code", "math"];
    private static readonly string[] Four = ["add", "code", "math", "zen"];
    private static readonly double[] Uneven = [0.5, 0.02, 0.3, 0.1];

    private readonly PackWorkshop _shop = new();

    [TearDown]
    public void CleanUp() => _shop.Dispose();

    [Test]
    public void Keeping_everything_gives_every_expert_back_bit_for_bit(
        [Values(DType.BFloat16, DType.Float16, DType.Float32, DType.Float64)] DType dtype)
    {
        LayeredModels models = new LayeredModels(_shop, Uneven, dtype).Write(Three);
        EncodingReport report = _shop.Pack(LayeredModels.Yaml("rho: 1, top_k: 4, lambda: 1.3", Three));

        Assert.That(report.Manifest.Layers!.Select(layer => layer.Routed), Is.All.True);
        foreach (string expert in Three)
        {
            Assert.That(_shop.Export("pack", expert), Is.EqualTo(_shop.Model(expert)), expert);
        }

        foreach (PackTensorEntry entry in report.Manifest.Tensors.Where(entry => models.Matrices.Contains(entry.Name)))
        {
            Assert.That(entry.Scheme, Is.EqualTo("sparse"), entry.Name);
            Assert.That(entry.LostEnergy, Is.All.Zero, entry.Name);
        }
    }

    [Test]
    public void Routing_nothing_is_plain_averaging_bit_for_bit(
        [Values(DType.BFloat16, DType.Float32)] DType dtype, [Values("1", "0.7")] string lambda)
    {
        new LayeredModels(_shop, Uneven, dtype).Write(Three);
        EncodingReport report = _shop.Pack(LayeredModels.Yaml($"top_k: 0, share_within: 100, lambda: {lambda}", Three));
        string weights = (1f / 3).ToString("R", System.Globalization.CultureInfo.InvariantCulture);
        _shop.Merge(
            "merge_method: task_arithmetic\nbase_model: ./base\nmodels: [{model: ./add}, {model: ./code}, {model: ./math}]\n"
            + $"parameters: {{weight: {weights}, lambda: {lambda}}}\n",
            "average");

        Assert.That(report.Manifest.Tensors.Select(entry => entry.Scheme), Is.All.EqualTo("shared"));
        Assert.That(_shop.Export("pack", "code"), Is.EqualTo(_shop.Model("average")));
        Assert.That(File.Exists(_shop["pack", PackManifest.PartsFileName]), Is.False);
    }

    [Test]
    public void What_differs_most_from_the_dense_matrix_is_kept_of_every_expert(
        [Values(DType.BFloat16, DType.Float32)] DType dtype, [Values(0.1, 0.25, 0.003, 0)] double rho)
    {
        LayeredModels models = new LayeredModels(_shop, Uneven, dtype).Write(Three);
        EncodingReport report = _shop.Pack(LayeredModels.Yaml($"rho: {rho}, top_k: 4, lambda: 0.9", Three));
        using var banks = Checkpoint.Open(_shop["pack"]);
        foreach (string name in models.Matrices)
        {
            _ = banks.TryGetTensor(name, out CheckpointTensor? bank);
            byte[] stored = new byte[bank!.ByteLength];
            bank.Read(0, stored);
            float[] dense = StoredValue.ReadAll(stored, dtype);
            float[] origin = Values("base", name, dtype);
            float[][] own = [.. Three.Select(expert => Values(expert, name, dtype))];
            float[] average = [.. origin.Select((b, i) => Average(b, own[0][i], own[1][i], own[2][i]))];
            Assert.That(dense, Is.EqualTo(Rounded(average, dtype)), name);

            int keep = rho == 0 ? 0 : Math.Max(1, (int)((decimal)rho * origin.Length));
            PackTensorEntry entry = report.Manifest.Tensors.Single(entry => entry.Name == name);
            for (int expert = 0; expert < 3; expert++)
            {
                float[] expected = [.. dense];
                double lost = 0;
                int[] order = [.. Enumerable.Range(0, dense.Length).OrderByDescending(i => Math.Abs(own[expert][i] - dense[i]))];
                foreach (int i in order[..keep])
                {
                    expected[i] = own[expert][i];
                }

                foreach (int i in order[keep..])
                {
                    float difference = own[expert][i] - dense[i];
                    lost += (double)difference * difference;
                }

                byte[] found = _shop.Export("pack", Three[expert])[name];
                Assert.That(StoredValue.ReadAll(found, dtype), Is.EqualTo(expected), $"{name} of {Three[expert]}");
                Assert.That(entry.LostEnergy![expert], Is.EqualTo(lost).Within(1e-9 * lost), name);
                Assert.That(
                    entry.DeltaEnergy![expert],
                    Is.EqualTo(origin.Zip(own[expert], (b, x) => Math.Pow(x - b, 2)).Sum()).Within(1e-6).Percent);
            }
        }

        static float Average(float origin, float first, float second, float third)
        {
            const float Weight = 1f / 3;
            float sum = (Weight * (first - origin)) + (Weight * (second - origin));
            sum += Weight * (third - origin);
            return origin + (0.9f * sum);
        }
    }

    [Test]
    public void A_layers_conflict_is_that_of_the_largest_changes(
        [Values("pairwise", "any")] string conflict, [Values(1, 0.2)] double density)
    {
        new LayeredModels(_shop, Uneven).Write(Three);
        EncodingReport report = _shop.Pack(LayeredModels.Yaml($"conflict: {conflict}, density: {density}", Three));

        Assert.That(
            report.Manifest.Layers!.Select(layer => layer.Name),
            Is.EqualTo(Enumerable.Range(0, 4).Select(layer => $"model.layers.{layer}")));
        double[] expected = [.. Enumerable.Range(0, 4).Select(Ratio)];
        double mean = expected.Average();
        for (int layer = 0; layer < 4; layer++)
        {
            Assert.That(report.Manifest.Layers![layer].Conflict, Is.EqualTo(expected[layer]).Within(1e-12), $"layer {layer}");
            Assert.That(report.Manifest.Layers![layer].Routed, Is.EqualTo(expected[layer] > mean), $"layer {layer}");
        }

        double Ratio(int layer)
        {
            int[][] signs = [.. Three.Select(expert => LayeredModels.MatricesOf(layer).SelectMany(name => Signs(expert, name)).ToArray())];
            int[] elements = [.. Enumerable.Range(0, signs[0].Length)];
            if (conflict == "any")
            {
                int[] contested = [.. elements.Where(i => signs.Count(each => each[i] != 0) >= 2)];
                return (double)contested.Count(i => signs.Any(e => e[i] > 0) && signs.Any(e => e[i] < 0)) / contested.Length;
            }

            return ((int, int)[])[(0, 1), (0, 2), (1, 2)] is var pairs
                ? pairs.Average(pair =>
                {
                    int[] both = [.. elements.Where(i => signs[pair.Item1][i] * signs[pair.Item2][i] != 0)];
                    return (double)both.Count(i => signs[pair.Item1][i] != signs[pair.Item2][i]) / both.Length;
                })
                : 0;
        }

        int[] Signs(string expert, string name)
        {
            float[] deltas = [.. Values(expert, name, DType.BFloat16).Zip(Values("base", name, DType.BFloat16), (x, b) => x - b)];
            int keep = (int)((decimal)density * deltas.Length);
            HashSet<int> kept = [.. Enumerable.Range(0, deltas.Length).OrderByDescending(i => Math.Abs(deltas[i])).Take(keep)];
            return [.. deltas.Select((delta, i) => kept.Contains(i) ? Math.Sign(delta) : 0)];
        }
    }

    [TestCase("beta: 0", true, false, true, false)]
    [TestCase("beta: 1", true, false, false, false)]
    [TestCase("beta: 5", false, false, false, false)]
    [TestCase("beta: -5", true, true, true, true)]
    [TestCase("top_k: 1", true, false, false, false)]
    [TestCase("top_k: 3", true, false, true, true)]
    [TestCase("top_k: 40", true, true, true, true)]
    [TestCase("", true, false, true, false)]
    public void Layers_are_split_as_the_recipe_says(string split, params bool[] routed)
    {
        new LayeredModels(_shop, Uneven).Write(Three);
        EncodingReport report = _shop.Pack(LayeredModels.Yaml(split, Three));

        Assert.That(report.Manifest.Layers!.Select(layer => layer.Routed), Is.EqualTo(routed));
        for (int layer = 0; layer < 4; layer++)
        {
            Assert.That(
                LayeredModels.MatricesOf(layer).Select(name => report.Manifest.Tensors.Single(t => t.Name == name).Scheme),
                Is.All.EqualTo(routed[layer] ? "sparse" : "shared"));
        }
    }

    [TestCase(0.45)]
    [TestCase(0.55)]
    [TestCase(1)]
    public void A_budget_is_met_and_filled_from_the_most_conflicting_layer_on(double budget)
    {
        new LayeredModels(_shop, Uneven) { Rows = 64 }.Write(Four);
        EncodingReport report = _shop.Pack(LayeredModels.Yaml($"budget: {budget}, rho: 0.2", Four));

        Assert.That(report.TensorBytes, Is.LessThanOrEqualTo(budget * report.Manifest.EnsembleBytes));
        bool[] routed = [.. report.Manifest.Layers!.OrderByDescending(layer => layer.Conflict).Select(layer => layer.Routed)];
        Assert.That(routed, Is.Ordered.Descending);
        Assert.That(routed[0], Is.True);
        Assert.That(routed[^1], Is.EqualTo(budget == 1));
    }

    [Test]
    public void A_budget_below_the_averages_is_refused_with_the_least_that_works()
    {
        new LayeredModels(_shop, Uneven).Write(Four);
        Assert.That(
            () => _shop.Pack(LayeredModels.Yaml("budget: 0.2", Four)),
            Throws.InstanceOf<RecipeException>().With.Message.Match("yml:4:.*'budget' is 0.2, but with all layers averaged .* 0\\.\\d+ "));
        Assert.That(_shop.Entries, Has.None.StartsWith("pack"));
    }

    [TestCase(0.05, DType.BFloat16)]
    [TestCase(0.1, DType.Float32)]
    [TestCase(0.5, DType.BFloat16)]
    public void A_pack_takes_what_the_formula_says(double rho, DType dtype)
    {
        var models = new LayeredModels(_shop, [0.5, 0.1, 0.3], dtype) { Rows = 256, Columns = 1024 };
        models.Write(Three);
        EncodingReport report = _shop.Pack(LayeredModels.Yaml($"rho: {rho}, top_k: 2, share_within: 100", Three));

        long parameters = report.Manifest.Tensors.Sum(entry => entry.Shape.Aggregate(1L, (product, extent) => product * extent));
        int size = dtype == DType.Float32 ? 4 : 2;
        double kept = 3 * 2 * 2 * rho * 256 * 1024;
        double starts = 4 * 3 * 2 * (256 + 1024);
        double expected = (size * parameters) + (kept * (size + 2)) + starts;
        long files = new DirectoryInfo(_shop["pack"]).EnumerateFiles("*.safetensors").Sum(file => file.Length);
        Assert.That(report.TensorBytes, Is.EqualTo(expected).Within(0.1).Percent);
        Assert.That(files, Is.EqualTo(expected).Within(2).Percent);
        Assert.That(report.BytesByTensor.Sum(), Is.EqualTo(report.TensorBytes));
    }

    [Test]
    public void Experts_that_are_the_same_have_no_conflict_and_nothing_of_their_own()
    {
        var models = new LayeredModels(_shop, Uneven);
        models.Write("base", 0);
        foreach (string expert in Three)
        {
            models.Write(expert, 1);
        }

        EncodingReport report = _shop.Pack(LayeredModels.Yaml("", Three));
        Assert.That(report.Manifest.Layers!.Select(layer => layer.Conflict), Is.All.Zero);
        Assert.That(report.Manifest.Layers!.Select(layer => layer.Routed), Is.All.False);
        EncodingReport filled = _shop.Pack(LayeredModels.Yaml("budget: 1", Three), "filled");
        Assert.That(filled.Manifest.Layers!.Select(layer => layer.Routed), Is.All.False);
    }

    [Test]
    public void An_expert_that_equals_the_base_divides_nothing_by_zero()
    {
        var models = new LayeredModels(_shop, Uneven);
        models.Write("base", 0);
        models.Write("add", 0);
        models.Write("code", 1);
        EncodingReport report = _shop.Pack(LayeredModels.Yaml("top_k: 4, rho: 0.5", "add", "code"));

        Assert.That(report.Manifest.Layers!.Select(layer => layer.Conflict), Is.All.Zero);
        Assert.That(KeptEnergy.OfModel(report.Manifest).PerExpert[1], Is.GreaterThan(0.5));
        EncodingReport alone = _shop.Pack(LayeredModels.Yaml("top_k: 4, rho: 0.5", "add"), "alone");
        Assert.That(alone.Manifest.Tensors.SelectMany(entry => entry.LostEnergy!), Is.All.Zero);
        Assert.That(_shop.Export("alone", "add"), Is.EqualTo(_shop.Model("base")));
    }

    [Test]
    public void The_order_of_experts_in_a_recipe_changes_nothing()
    {
        new LayeredModels(_shop, Uneven).Write(Four);
        _shop.Pack(LayeredModels.Yaml("rho: 0.3", Four));
        _shop.Pack(LayeredModels.Yaml("rho: 0.3", "zen", "add", "math", "code"), "permuted");

        foreach (string file in (string[])["model.safetensors", "experts.safetensors", "index.safetensors", "config.json"])
        {
            Assert.That(
                File.ReadAllBytes(_shop["permuted", file]), Is.EqualTo(File.ReadAllBytes(_shop["pack", file])), file);
        }
    }

    [TestCase(1)]
    [TestCase(3)]
    public void Bytes_depend_on_neither_threads_nor_an_interruption(int threads)
    {
        new LayeredModels(_shop, Uneven).Write(Four);
        string yaml = LayeredModels.Yaml("top_k: 3", Four);
        var options = new MergeOptions { Threads = threads, Resume = true, ShardSize = 4000 };
        _shop.Pack(yaml, options: options with { Threads = 2, Resume = false });
        Assert.That(new DirectoryInfo(_shop["pack"]).EnumerateFiles("experts-*-of-*.safetensors").Count(), Is.GreaterThan(2));

        using var stopped = new CancellationTokenSource();
        stopped.Cancel();
        Assert.That(
            () => _shop.Pack(yaml, "again", options, stopped.Token), Throws.InstanceOf<OperationCanceledException>());
        _shop.Pack(yaml, "again", options);

        Assert.That(_shop.Digest("again"), Is.EqualTo(_shop.Digest("pack")));
    }

    [Test]
    public void What_an_interrupted_run_has_written_is_taken_over_with_its_energies([Values] bool losesParts)
    {
        new LayeredModels(_shop, Uneven).Write(Three);
        string yaml = LayeredModels.Yaml("top_k: 3, rho: 0.3", Three);
        EncodingReport whole = _shop.Pack(yaml);
        int[] finished = [1, 2, 3, 8, 9];
        Interrupt(yaml, whole.Manifest, finished);
        if (losesParts)
        {
            File.Delete(_shop["again.partial", PackManifest.PartsFileName]);
        }

        EncodingReport resumed = _shop.Pack(yaml, "again", new MergeOptions { Resume = true });

        Assert.That(
            resumed.TensorsResumed,
            Is.EqualTo(finished.Count(tensor => !losesParts || whole.Manifest.Tensors[tensor].Scheme != "sparse")));
        Assert.That(_shop.Digest("again"), Is.EqualTo(_shop.Digest("pack")));
    }

    [TestCase("3 0 1.5")]
    [TestCase("3 0 1 2 3 4 5 six")]
    public void A_damaged_journal_is_refused(string line)
    {
        new LayeredModels(_shop, Uneven).Write(Three);
        string yaml = LayeredModels.Yaml("top_k: 3, rho: 0.3", Three);
        Interrupt(yaml, _shop.Pack(yaml).Manifest, [2]);
        File.AppendAllText(_shop["again.partial", "journal"], line + "\n");

        Assert.That(
            () => _shop.Pack(yaml, "again", new MergeOptions { Resume = true }),
            Throws.InstanceOf<InterfuseException>().With.Message.Contains("without --resume"));
    }

    [TestCase("rho: 1.5", "'rho'.* 0 to 1|from 0 to 1")]
    [TestCase("density: -0.1", "from 0 to 1")]
    [TestCase("top_k: 1.5", "yml:4:.*'top_k' is 1.5.* whole number")]
    [TestCase("top_k: [1, 2]", "yml:4:.*'top_k' is one for the whole pack")]
    [TestCase("top_k: 1, beta: 0.5", "yml:4:.*'beta' and 'top_k' exclude each other")]
    [TestCase("budget: 0.5, top_k: 2", "yml:4:.*'top_k' and 'budget' exclude each other")]
    [TestCase("conflict: pairwse", "did you mean 'pairwise'")]
    [TestCase("storage: grouped", "yml:4:.*'grouped'")]
    [TestCase("groups: 2", "'groups'")]
    [TestCase("lambda: 1e39", "too large for float32")]
    public void Parameters_that_make_no_sense_are_refused(string parameters, string message)
    {
        new LayeredModels(_shop, Uneven).Write(Three);
        Assert.That(
            () => _shop.Pack(LayeredModels.Yaml(parameters, Three)),
            Throws.InstanceOf<RecipeException>().With.Message.Match(message));
    }

    [Test]
    public void Too_little_memory_is_refused_with_what_is_needed()
    {
        new LayeredModels(_shop, Uneven).Write(Three);
        Assert.That(
            () => _shop.Pack(LayeredModels.Yaml("", Three), options: new MergeOptions { MaxMemory = 200 << 20 }),
            Throws.InstanceOf<InterfuseException>().With.Message.Match("needs at least \\d+ MiB of memory, but --max-memory allows 200 MiB"));
    }

    [Test]
    public void Tensors_are_shared_or_kept_where_the_recipe_says_so()
    {
        new LayeredModels(_shop, Uneven).Write(Three);
        const string Storage =
            "storage: [{filter: self_attn, value: kept}, {filter: embed_tokens, value: shared}, {value: auto}], top_k: 4";
        EncodingReport report = _shop.Pack(LayeredModels.Yaml(Storage, Three));

        Dictionary<string, string> schemes = report.Manifest.Tensors.ToDictionary(entry => entry.Name, entry => entry.Scheme);
        Assert.That(schemes[LayeredModels.MatricesOf(1)[0]], Is.EqualTo("grouped"));
        Assert.That(schemes[LayeredModels.MatricesOf(1)[1]], Is.EqualTo("sparse"));
        Assert.That(schemes[LayeredModels.Embedding], Is.EqualTo("shared"));
        Assert.That(schemes["model.layers.1.input_layernorm.weight"], Is.EqualTo("grouped"));
    }

    [Test]
    public void Experts_of_another_type_keep_their_values_as_the_pack_rounds_them()
    {
        LayeredModels models = new LayeredModels(_shop, Uneven, DType.Float32).Write(Three);
        _shop.Pack(LayeredModels.Yaml("rho: 1, top_k: 4", Three) + "dtype: bfloat16\n");

        Dictionary<string, byte[]> exported = _shop.Export("pack", "math");
        foreach (string name in models.Matrices)
        {
            Assert.That(
                exported[name],
                Is.EqualTo(StoredValue.StoreAll(Values("math", name, DType.Float32), DType.BFloat16)),
                name);
        }
    }

    [Test]
    public void Values_that_are_no_numbers_stay_where_they_are_and_are_counted()
    {
        LayeredModels models = new LayeredModels(_shop, Uneven, DType.Float32).Write(Three);
        string name = LayeredModels.MatricesOf(0)[0];
        PartFile.Damage(
            _shop["code", "model.safetensors"], name, data => BitConverter.TryWriteBytes(data[40..], float.NaN));

        EncodingReport report = _shop.Pack(LayeredModels.Yaml("rho: 0.2, top_k: 4", Three));

        // In the dense matrix, and where the expert has its own.
        Assert.That(report.NonFinite.Single(), Is.EqualTo(new Interfuse.Merging.Execution.NonFiniteTensor(name, 2)));
        Assert.That(report.Manifest.Tensors.Single(entry => entry.Name == name).LostEnergy, Is.Null);
        float[] code = StoredValue.ReadAll(_shop.Export("pack", "code")[name], DType.Float32);
        float[] math = StoredValue.ReadAll(_shop.Export("pack", "math")[name], DType.Float32);
        Assert.That(code[10], Is.NaN);
        Assert.That(math[10], Is.EqualTo(Values("math", name, DType.Float32)[10]));
        Assert.That(models.Matrices, Does.Contain(name));
    }

    // Leaves what a run leaves that wrote some tensors and was stopped: the others are zeros yet.
    private void Interrupt(string yaml, PackManifest manifest, int[] finished)
    {
        StagedDirectory.Open(_shop["again"], overwrite: false, resume: false).Dispose();
        foreach (string name in (string[])["model.safetensors", PackManifest.PartsFileName])
        {
            byte[] bytes = File.ReadAllBytes(_shop["pack", name]);
            using (var file = SafetensorsFile.Open(_shop["pack", name]))
            {
                foreach (TensorInfo info in file.Tensors.Where(info => !finished.Any(
                    tensor => info.Name.StartsWith(manifest.Tensors[tensor].Name, StringComparison.Ordinal))))
                {
                    bytes.AsSpan((int)info.Offset, (int)info.ByteLength).Clear();
                }
            }

            File.WriteAllBytes(_shop["again.partial", name], bytes);
        }

        using PackPlan plan = PackPlan.Create(_shop.Read(yaml), new MergeOptions());
        IEnumerable<string> lines = finished.Select(tensor =>
        {
            PackTensorEntry entry = manifest.Tensors[tensor];
            bool isWhole = plan.Tensors[tensor].IsWhole;
            IEnumerable<double> energies = isWhole ? [.. entry.DeltaEnergy!, .. entry.LostEnergy!] : [];
            return $"{tensor} 0" + string.Concat(energies.Select(
                energy => " " + energy.ToString("R", System.Globalization.CultureInfo.InvariantCulture)));
        });
        File.WriteAllText(
            _shop["again.partial", "journal"], $"interfuse journal 1 {plan.Fingerprint()}\n{string.Join('\n', lines)}\n");
    }

    private float[] Values(string model, string tensor, DType dtype) => StoredValue.ReadAll(_shop.Model(model)[tensor], dtype);

    private static float[] Rounded(float[] values, DType dtype) =>
        StoredValue.ReadAll(StoredValue.StoreAll(values, dtype), dtype);
}
