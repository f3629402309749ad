using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Experts.Encoders;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests.Encoders;

/// <summary>Packs of EMR-Merging: what is elected, how it is scaled, and what comes back.</summary>
internal sealed class EmrMergingTests
{
    private static readonly string[] Three = ["add", "code", "math"];

    private readonly PackWorkshop _shop = new();

    [TearDown]
    public void CleanUp() => _shop.Dispose();

    [Test]
    public void The_papers_steps_on_two_short_task_vectors([Values("per_tensor_mean", "total")] string scale)
    {
        Model("base", [0, 0, 0, 0]);
        Model("one", [1, -2, 3, 0]);
        Model("two", [2, 1, -1, 4]);
        _shop.Pack(Yaml($"scale: {scale}", "one", "two"));

        Assert.That(Stored("w"), Is.All.Zero);
        Assert.That(Part<float>("w.unified"), Is.EqualTo((float[])[2, -2, 3, 4]));
        Assert.That(Part<uint>("w.mask"), Is.EqualTo((uint[])[0b0111, 0b1001]));
        Assert.That(Part<float>("w.scales"), Is.EqualTo((float[])[(float)(6.0 / 7), (float)(8.0 / 6)]));
        Assert.That(Expert("one", "w"), Is.EqualTo((float[])[1.714286f, -1.714286f, 2.571429f, 0]).Within(1e-6));
        Assert.That(Expert("two", "w"), Is.EqualTo((float[])[2.666667f, 0, 0, 5.333333f]).Within(1e-6));

        void Model(string name, float[] values) =>
            ModelFolder.Write(_shop[name], [ModelTensors.Float32("w", [4], values)]);
    }

    [Test]
    public void Everything_is_as_the_formulas_say(
        [Values(DType.BFloat16, DType.Float32)] DType dtype, [Values("per_tensor_mean", "total")] string scale)
    {
        MakeModels(dtype, Three);
        EncodingReport report = _shop.Pack(Yaml($"scale: {scale}", Three));

        double[] own = new double[3];
        double[] kept = new double[3];
        foreach (PackTensorEntry entry in report.Manifest.Tensors)
        {
            Assert.That(entry.Scheme, Is.EqualTo("masked"), entry.Name);
            float[] origin = Values("base", entry.Name, dtype);
            float[][] deltas =
                [.. Three.Select(name => Values(name, entry.Name, dtype).Zip(origin, (x, b) => x - b).ToArray())];
            byte[] elected =
                StoredValue.StoreAll([.. origin.Select((_, i) => Elected([.. deltas.Select(d => d[i])]))], dtype);
            float[] unified = StoredValue.ReadAll(elected, dtype);
            Assert.That(Stored(entry.Name, dtype), Is.EqualTo(origin), entry.Name);
            Assert.That(PartBytes(entry.Name + ".unified"), Is.EqualTo(elected), entry.Name);
            double divisor = scale == "total" ? 1 : origin.Length;
            for (int expert = 0; expert < 3; expert++)
            {
                own[expert] += deltas[expert].Sum(d => Math.Abs((double)d)) / divisor;
                kept[expert] +=
                    deltas[expert].Zip(unified, (d, u) => d * u > 0 ? Math.Abs((double)u) : 0).Sum() / divisor;
            }
        }

        float[] scales = Part<float>(PackWorkshop.Norm + ".scales");
        for (int expert = 0; expert < 3; expert++)
        {
            Assert.That(scales[expert], Is.EqualTo(own[expert] / kept[expert]).Within(1e-6));
            foreach (string tensor in report.Manifest.Tensors.Select(entry => entry.Name))
            {
                Assert.That(Part<float>(tensor + ".scales"), Is.EqualTo(scales), tensor);
                float[] unified = StoredValue.ReadAll(PartBytes(tensor + ".unified"), dtype);
                float[] origin = Values("base", tensor, dtype);
                float[] delta = [.. Values(Three[expert], tensor, dtype).Zip(origin, (x, b) => x - b)];
                float[] expected = [.. origin.Select((b, i) =>
                {
                    float share = scales[expert] * unified[i];
                    return delta[i] * unified[i] > 0 ? b + share : b;
                })];
                Assert.That(
                    Expert(Three[expert], tensor, dtype),
                    Is.EqualTo(StoredValue.ReadAll(StoredValue.StoreAll(expected, dtype), dtype)), tensor);
            }
        }
    }

    [Test]
    public void The_two_definitions_weigh_tensors_differently()
    {
        // The experts agree on the long tensor, and on the short one the second has its way.
        ModelFolder.Write(_shop["base"], Tensors(0, 0));
        ModelFolder.Write(_shop["one"], Tensors(1, 1));
        ModelFolder.Write(_shop["two"], Tensors(3, -1));
        _shop.Pack(Yaml("scale: total", "one", "two"), "total");
        _shop.Pack(Yaml("", "one", "two"), "mean");

        Assert.That(Part<float>("long.scales", "total")[0], Is.EqualTo((float)(110.0 / 300)));
        Assert.That(Part<float>("long.scales", "mean")[0], Is.EqualTo((float)(2.0 / 3)));
        Assert.That(Part<float>("long.scales", "total")[1], Is.EqualTo(1));

        static (TensorSpec, byte[])[] Tensors(float first, float second) =>
        [
            ModelTensors.Float32("long", [100], [.. Enumerable.Repeat(first, 100)]),
            ModelTensors.Float32("short", [10], [.. Enumerable.Repeat(second, 10)]),
        ];
    }

    [Test]
    public void An_expert_that_equals_the_base_divides_nothing_by_zero()
    {
        _shop.Model("base", 0, step: 0, normStep: 0);
        _shop.Model("add", 1);
        _shop.Model("same", 0, step: 0, normStep: 0);
        EncodingReport report = _shop.Pack(Yaml("", "add", "same"));

        foreach (PackTensorEntry entry in report.Manifest.Tensors)
        {
            Assert.That(Part<float>(entry.Name + ".scales")[1], Is.EqualTo(1));
            Assert.That(entry.DeltaEnergy![1], Is.Zero);
            Assert.That(entry.LostEnergy![1], Is.Zero);
            Assert.That(
                _shop.Export("pack", "same")[entry.Name], Is.EqualTo(_shop.Model("base")[entry.Name]), entry.Name);
        }
    }

    [Test]
    public void An_expert_that_agrees_nowhere_is_the_base()
    {
        ModelFolder.Write(_shop["base"], [ModelTensors.Float32("w", [2], [1, 2])]);
        ModelFolder.Write(_shop["large"], [ModelTensors.Float32("w", [2], [3, 0])]);
        ModelFolder.Write(_shop["small"], [ModelTensors.Float32("w", [2], [0.5f, 2.5f])]);
        _shop.Pack(Yaml("", "large", "small"));

        Assert.That(Part<float>("w.scales"), Is.EqualTo((float[])[1, 1]));
        Assert.That(Expert("small", "w"), Is.EqualTo((float[])[1, 2]));
        Assert.That(Expert("large", "w"), Is.EqualTo((float[])[3, 0]));
    }

    [Test]
    public void One_expert_comes_back_but_for_the_rounding_of_its_task_vector(
        [Values(DType.BFloat16, DType.Float32)] DType dtype)
    {
        MakeModels(dtype, Three[..1]);
        EncodingReport report = _shop.Pack(Yaml("", Three[..1]));

        // The task vector and the scale are rounded, each by half a unit in the last place, and so is the result.
        double unit = dtype == DType.BFloat16 ? Math.Pow(2, -8) : Math.Pow(2, -24);
        foreach (PackTensorEntry entry in report.Manifest.Tensors)
        {
            float[] expected = Values(Three[0], entry.Name, dtype);
            float[] origin = Values("base", entry.Name, dtype);
            float[] actual = Expert(Three[0], entry.Name, dtype);
            for (int i = 0; i < expected.Length; i++)
            {
                double delta = Math.Abs((double)expected[i] - origin[i]);
                double bound = unit * ((2.1 * delta) + (1.1 * Math.Abs(expected[i])));
                Assert.That(actual[i], Is.EqualTo((double)expected[i]).Within(bound), $"{entry.Name}[{i}]");
            }
        }
    }

    [Test]
    public void Lost_energy_is_the_squared_distance_to_what_is_stored()
    {
        MakeModels(DType.Float32, Three);
        EncodingReport report = _shop.Pack(Yaml("", Three));
        foreach (PackTensorEntry entry in report.Manifest.Tensors)
        {
            for (int expert = 0; expert < 3; expert++)
            {
                float[] own = Values(Three[expert], entry.Name, DType.Float32);
                float[] stored = Expert(Three[expert], entry.Name);
                double lost = own.Zip(stored, (x, y) => ((double)x - y) * ((double)x - y)).Sum();
                Assert.That(entry.LostEnergy![expert], Is.EqualTo(lost).Within(1e-4 * lost));
                Assert.That(entry.LostEnergy[expert], Is.LessThan(entry.DeltaEnergy![expert]));
            }
        }
    }

    [Test]
    public void A_pack_takes_what_the_formula_says([Values(1, 4, 8)] int experts)
    {
        const int Rows = 512;
        const int Columns = 1024;
        string[] names = [.. Enumerable.Range(0, experts).Select(expert => $"e{expert}")];
        foreach (string name in (string[])["base", .. names])
        {
            var random = new Random(name.Length + name[^1]);
            float[] values = [.. Enumerable.Range(0, Rows * Columns).Select(_ => random.NextSingle())];
            var spec = new TensorSpec(PackWorkshop.Projection, DType.BFloat16, [Rows, Columns]);
            ModelFolder.Write(_shop[name], [(spec, StoredValue.StoreAll(values, DType.BFloat16))]);
        }

        EncodingReport report = _shop.Pack(Yaml("", names));
        const double Elements = (double)Rows * Columns;
        double expected = (2 * 2 * Elements) + (experts * Elements / 8) + (4 * experts);

        Assert.That(report.TensorBytes, Is.EqualTo(expected));
        Assert.That(
            Directory.GetFiles(_shop["pack"]).Sum(file => new FileInfo(file).Length),
            Is.EqualTo(expected).Within(2).Percent);
    }

    [Test]
    public void The_order_of_experts_in_a_recipe_changes_nothing()
    {
        MakeModels(DType.BFloat16, Three);
        _shop.Pack(Yaml("", Three));
        _shop.Pack(Yaml("", "math", "add", "code"), "permuted");

        foreach (string file in (string[])["model.safetensors", "experts.safetensors"])
        {
            Assert.That(File.ReadAllBytes(_shop["permuted", file]), Is.EqualTo(File.ReadAllBytes(_shop["pack", file])), file);
        }
    }

    [TestCase(1)]
    [TestCase(3)]
    public void Bytes_depend_on_neither_threads_nor_an_interruption(int threads)
    {
        MakeModels(DType.BFloat16, Three);
        string yaml = Yaml("storage: [{filter: norm, value: kept}, {value: auto}]", Three);
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

    [Test]
    public void Tensors_are_shared_or_kept_where_the_recipe_says_so()
    {
        MakeModels(DType.BFloat16, Three);
        EncodingReport report = _shop.Pack(Yaml(
            "storage: [{filter: norm, value: kept}, {filter: embed, value: shared}, {value: auto}]", Three));

        Dictionary<string, string> schemes =
            report.Manifest.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Scheme);
        Assert.That(schemes[PackWorkshop.Norm], Is.EqualTo("grouped"));
        Assert.That(schemes[PackWorkshop.Embedding], Is.EqualTo("shared"));
        Assert.That(schemes[PackWorkshop.Projection], Is.EqualTo("masked"));
        Assert.That(
            _shop.Export("pack", "code")[PackWorkshop.Norm], Is.EqualTo(_shop.Model("code")[PackWorkshop.Norm]));

        // Only what is masked decides the scales.
        _shop.Pack(Yaml("storage: [{filter: proj, value: auto}, {value: kept}]", Three), "other");
        Assert.That(
            Part<float>(PackWorkshop.Projection + ".scales", "other"), Is.EqualTo(Part<float>(PackWorkshop.Projection + ".scales")));
    }

    [Test]
    public void A_pack_of_another_type_rounds_the_base_and_the_task_vector()
    {
        MakeModels(DType.Float32, Three);
        _shop.Pack(Yaml("", Three) + "out_dtype: bfloat16\n");
        float[] origin = Values("base", PackWorkshop.Projection, DType.Float32);
        Assert.That(
            Stored(PackWorkshop.Projection, DType.BFloat16),
            Is.EqualTo(StoredValue.ReadAll(StoredValue.StoreAll(origin, DType.BFloat16), DType.BFloat16)));

        // Task vectors are to the base as it was: the greatest one is stored, rounded once.
        float[][] deltas = [.. Three.Select(name =>
            Values(name, PackWorkshop.Projection, DType.Float32).Zip(origin, (x, b) => x - b).ToArray())];
        float[] elected = [.. origin.Select((_, i) => Elected([.. deltas.Select(delta => delta[i])]))];
        Assert.That(PartBytes(PackWorkshop.Projection + ".unified"), Is.EqualTo(StoredValue.StoreAll(elected, DType.BFloat16)));
    }

    [TestCase(float.NaN, "add", "NaN or infinite")]
    [TestCase(float.NegativeInfinity, "add", "NaN or infinite")]
    [TestCase(float.NaN, "base", "NaN or infinite")]
    public void Values_that_are_no_numbers_are_refused_with_the_model_and_the_tensor(float value, string culprit, string message)
    {
        foreach (string name in (string[])["base", "add", "code"])
        {
            ModelFolder.Write(_shop[name], [ModelTensors.Float32("w", [2, 2], [1, 2, 3, name == culprit ? value : name.Length])]);
        }

        Assert.That(
            () => _shop.Pack(Yaml("", "add", "code")),
            Throws.TypeOf<CheckpointFormatException>().With.Message.Contains(_shop[culprit])
                .And.Message.Contains("tensor 'w'").And.Message.Contains(message));
        Assert.That(_shop.Entries, Has.None.StartsWith("pack"));

        // Where it is not masked it does no harm.
        _shop.Pack(Yaml("storage: kept", "add", "code"));
    }

    [Test]
    public void A_difference_beyond_the_packs_type_is_refused()
    {
        var spec = new TensorSpec("w", DType.Float16, [2]);
        ModelFolder.Write(_shop["base"], [(spec, StoredValue.StoreAll([-60000, 1], DType.Float16))]);
        ModelFolder.Write(_shop["add"], [(spec, StoredValue.StoreAll([60000, 2], DType.Float16))]);

        Assert.That(
            () => _shop.Pack(Yaml("", "add")),
            Throws.TypeOf<CheckpointFormatException>().With.Message.Contains("more than F16 holds").And.Message.Contains("tensor 'w'"));
    }

    [TestCase("scale: mean", "expected .*per_tensor_mean.*total")]
    [TestCase("scale: [{filter: norm, value: total}, {value: per_tensor_mean}]", "one definition for the whole pack")]
    [TestCase("storage: grouped", "expected .*auto.*shared.*kept")]
    [TestCase("groups: 2", "groups")]
    public void Parameters_that_make_no_sense_are_refused(string parameters, string message)
    {
        MakeModels(DType.BFloat16, Three);
        Assert.That(
            () => _shop.Pack(Yaml(parameters, Three)),
            Throws.InstanceOf<RecipeException>().With.Message.Match(message));
    }

    [Test]
    public void Too_little_memory_is_refused_before_anything_is_read()
    {
        MakeModels(DType.BFloat16, Three);
        Assert.That(
            () => _shop.Pack(Yaml("", Three), options: new MergeOptions { MaxMemory = 1 << 20 }),
            Throws.TypeOf<InterfuseException>().With.Message.Contains("this pack needs at least"));
    }

    private static float Elected(float[] deltas)
    {
        float sum = 0;
        foreach (float delta in deltas)
        {
            sum += delta;
        }

        return sum > 0 ? deltas.Max() : Math.Min(deltas.Min(), 0) + 0f;
    }

    private static string Yaml(string parameters, params string[] experts) =>
        PackWorkshop.Yaml(parameters, experts).Replace("channel_merging", "emr_merging", StringComparison.Ordinal);

    private void MakeModels(DType dtype, string[] experts)
    {
        _shop.Model("base", 0, dtype, step: 0, normStep: 0);
        for (int expert = 0; expert < experts.Length; expert++)
        {
            _shop.Model(experts[expert], expert + 1, dtype);
        }
    }

    private float[] Values(string model, string tensor, DType dtype) =>
        StoredValue.ReadAll(_shop.Model(model)[tensor], dtype);

    private float[] Stored(string tensor, DType dtype = DType.Float32) => StoredValue.ReadAll(_shop.Model("pack")[tensor], dtype);

    private float[] Expert(string expert, string tensor, DType dtype = DType.Float32) =>
        StoredValue.ReadAll(_shop.Export("pack", expert)[tensor], dtype);

    private T[] Part<T>(string name, string pack = "pack")
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(PartBytes(name, pack)).ToArray();

    private byte[] PartBytes(string name, string pack = "pack")
    {
        using var file = SafetensorsFile.Open(_shop[pack, PackManifest.PartsFileName]);
        TensorInfo info = file.Tensors.Single(tensor => tensor.Name == name);
        byte[] bytes = new byte[info.ByteLength];
        file.Read(info, 0, bytes);
        return bytes;
    }
}
