using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Compute.Cuda;
using Interfuse.Testing;
using static Interfuse.Experts.Tests.Refusals;

namespace Interfuse.Experts.Tests;

/// <summary>Tensors of the scheme <c>low_rank</c>: rows, products and mixtures, and what is refused when a pack is opened.</summary>
[TestFixture("cpu")]
[TestFixture("software")]
public sealed class LowRankPackTests(string kind)
{
    private static readonly DType[] Types = [DType.BFloat16, DType.Float16, DType.Float32, DType.Float64];

    private TempFolder _folder = null!;
    private Device _device = null!;
    private DeviceQueue _queue = null!;

    [OneTimeSetUp]
    public void OpenDevice()
    {
        if (kind == "software" && CudaLibraries.SoftwareMissing is { } reason)
        {
            Assert.That(CudaLibraries.SoftwareRequired, Is.False, reason);
            Assert.Ignore(reason);
        }

        _device = kind == "cpu" ? new CpuDevice(threads: 3) : SoftwareCuda.Open();
        _queue = _device.CreateQueue();
    }

    [OneTimeTearDown]
    public void CloseDevice()
    {
        _queue?.Dispose();
        _device?.Dispose();
    }

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void An_experts_bytes_are_those_of_the_formula_wherever_one_begins_to_read(
        [ValueSource(nameof(Types))] DType dtype, [Values(3, 33, 700)] int columns)
    {
        PackBuilder builder = new PackBuilder("a", "b", "c").RandomLowRank(columns, "w", dtype, 2, 60, columns);
        builder.Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);
        PackTensor tensor = pack.Tensors[0];
        var random = new Random(columns);
        using LoadedTensor loaded = tensor.Load(_queue);
        for (int expert = 0; expert < 3; expert++)
        {
            byte[] expected = builder.Expected[("w", expert)];
            byte[] whole = new byte[expected.Length];
            pack.Read(tensor, expert, whole);
            Assert.That(whole.AsSpan().SequenceEqual(expected), $"expert {expert}");
            Assert.That(Gather(loaded, expert, 0, 60).AsSpan().SequenceEqual(expected), $"expert {expert} gathered");
            for (int i = 0; i < 20; i++)
            {
                int start = random.Next(expected.Length);
                byte[] part = new byte[random.Next(expected.Length - start + 1)];
                pack.Read(tensor, expert, start, part);
                Assert.That(part.AsSpan().SequenceEqual(expected.AsSpan(start, part.Length)), $"{part.Length} from {start}");
            }
        }
    }

    [Test]
    public void The_shared_matrix_is_what_stands_under_the_tensors_name()
    {
        new PackBuilder("a", "b").RandomLowRank(1, "w", DType.BFloat16, 2, 9, 40).Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);
        using LoadedTensor loaded = pack.Tensors[0].Load(_queue);
        byte[] expected = StoredBytes("model.safetensors", "w");

        Assert.That(loaded.HasShared, Is.True);
        Assert.That(Gather(loaded, LoadedTensor.SharedExpert, 0, 9), Is.EqualTo(expected));
        using var scratch = new MixScratch(_queue);
        Assert.That(
            Download(DType.BFloat16, 9 * 40, to => loaded.Gather(_queue, ExpertMix.Shared, 0, to, scratch)),
            Is.EqualTo(expected));
    }

    [Test]
    public void What_it_takes_is_the_shared_matrix_and_two_thin_ones_per_expert()
    {
        new PackBuilder("a", "b", "c").RandomLowRank(1, "w", DType.BFloat16, 5, 64, 320).Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);

        Assert.That(pack.Tensors[0].StoredBytes, Is.EqualTo(2 * ((64 * 320) + (3 * 5 * (64 + 320)))));
        Assert.That(pack.Tensors[0].TableBytes, Is.Zero);
    }

    [Test]
    public void A_vectors_product_is_the_same_bits_alone_and_in_any_batch([ValueSource(nameof(Types))] DType dtype)
    {
        const int Rows = 13;
        const int Columns = 300;
        const int Batch = 75;
        new PackBuilder("a", "b", "c").RandomLowRank(3, "w", dtype, 4, Rows, Columns).Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);
        using LoadedTensor loaded = pack.Tensors[0].Load(_queue);
        using var scratch = new MixScratch(_queue);
        var random = new Random(7);
        ExpertMix[] choices =
        [
            ExpertMix.Of(0), ExpertMix.Of(1), ExpertMix.Of(2), ExpertMix.Shared, ExpertMix.Uniform(3),
            ExpertMix.Weighted(new ExpertShare(0, 0.25f), new ExpertShare(2, 0.75f)),
        ];
        ExpertMix[] mixes = [.. Enumerable.Range(0, Batch).Select(_ => choices[random.Next(choices.Length)])];
        float[] vectors = [.. Enumerable.Range(0, Batch * Columns).Select(_ => (2 * random.NextSingle()) - 1)];
        float[] products = Multiply(loaded, mixes, vectors, scratch);
        for (int b = 0; b < Batch; b++)
        {
            float[] vector = vectors[(b * Columns)..((b + 1) * Columns)];
            float[] product = products[(b * Rows)..((b + 1) * Rows)];
            Assert.That(Multiply(loaded, [mixes[b]], vector, scratch), Is.EqualTo(product), $"{mixes[b]} alone");
            if (mixes[b].IsSingle || mixes[b].IsShared)
            {
                int expert = mixes[b].IsShared ? LoadedTensor.SharedExpert : mixes[b].Expert;
                Assert.That(
                    Floats(Rows, vector, (x, y) => loaded.Multiply(_queue, [expert], x, y)), Is.EqualTo(product),
                    $"{mixes[b]} without mixtures");
            }

            CheckProduct(loaded, mixes[b], vector, product, scratch);
        }

        int[] experts = [.. mixes.Select(mix => mix.IsSingle ? mix.Expert : LoadedTensor.SharedExpert)];
        float[] plain = Floats(Batch * Rows, vectors, (x, y) => loaded.Multiply(_queue, experts, x, y));
        for (int i = 0; i < plain.Length; i++)
        {
            if (mixes[i / Rows].IsSingle || mixes[i / Rows].IsShared)
            {
                Assert.That(plain[i], Is.EqualTo(products[i]));
            }
        }
    }

    [Test]
    public void Many_vectors_by_one_matrix_are_each_its_product([ValueSource(nameof(Types))] DType dtype)
    {
        const int Rows = 20;
        const int Columns = 90;
        const int Vectors = 37;
        new PackBuilder("a", "b", "c").RandomLowRank(5, "w", dtype, 3, Rows, Columns).Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);
        using LoadedTensor loaded = pack.Tensors[0].Load(_queue);
        using var scratch = new MixScratch(_queue);
        var random = new Random(9);
        float[] vectors = [.. Enumerable.Range(0, Vectors * Columns).Select(_ => (2 * random.NextSingle()) - 1)];
        foreach (ExpertMix mix in new[] { ExpertMix.Of(1), ExpertMix.Shared, ExpertMix.Uniform(3) })
        {
            float[] MatMul(float[] x) => Floats(
                x.Length / Columns * Rows, x, (from, to) => loaded.MatMul(_queue, mix, from, to, scratch));

            float[] products = MatMul(vectors);
            for (int t = 0; t < Vectors; t++)
            {
                float[] vector = vectors[(t * Columns)..((t + 1) * Columns)];
                float[] product = products[(t * Rows)..((t + 1) * Rows)];
                Assert.That(MatMul(vector), Is.EqualTo(product), $"{mix}, vector {t}");
                CheckProduct(loaded, mix, vector, product, scratch);
            }

            if (!mix.IsSingle && !mix.IsShared)
            {
                continue;
            }

            int expert = mix.IsShared ? LoadedTensor.SharedExpert : mix.Expert;
            Assert.That(
                Floats(products.Length, vectors, (x, y) => loaded.MatMul(_queue, expert, x, y)), Is.EqualTo(products));
        }
    }

    [Test]
    public void A_row_and_a_column_are_matrices_too([Values(1, 30)] int rows, [Values(1, 30)] int columns)
    {
        PackBuilder builder = new PackBuilder("a", "b").RandomLowRank(5, "w", DType.Float32, 1, rows, columns);
        builder.Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);
        using LoadedTensor loaded = pack.Tensors[0].Load(_queue);
        using var scratch = new MixScratch(_queue);
        Assert.That(Gather(loaded, 1, 0, rows), Is.EqualTo(builder.Expected[("w", 1)]));
        float[] vector = [.. Enumerable.Range(0, columns).Select(i => i - 3.5f)];
        float[] product = Multiply(loaded, [ExpertMix.Of(1)], vector, scratch);
        CheckProduct(loaded, ExpertMix.Of(1), vector, product, scratch);
    }

    [Test]
    public void Experts_and_lengths_that_do_not_fit_are_refused()
    {
        new PackBuilder("a", "b").RandomLowRank(5, "w", DType.Float32, 2, 6, 8).Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);
        using LoadedTensor loaded = pack.Tensors[0].Load(_queue);
        using var scratch = new MixScratch(_queue);
        using DeviceBuffer buffer = _device.Allocate(4096);
        DeviceSpan x = buffer.Span(DType.Float32, 16);
        var y = new DeviceSpan(buffer, 512, DType.Float32, 12);
        Assert.That(() => loaded.Multiply(_queue, [0, 2], x, y), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => loaded.Multiply(_queue, [0, -2], x, y), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => loaded.Multiply(_queue, [0], x, y), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => loaded.MatMul(_queue, 2, x, y), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => loaded.Gather(_queue, 2, 0, y), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => loaded.GatherBatch(_queue, [new(2, 0)], y.Slice(0, 8)), Throws.InstanceOf<ArgumentException>());
        Assert.That(
            () => loaded.Multiply(_queue, new MixedBatch([ExpertMix.Uniform(3), ExpertMix.Of(0)]), x, y, scratch),
            Throws.InstanceOf<ArgumentException>());
        Assert.That(
            () => loaded.Multiply(_queue, new MixedBatch([ExpertMix.Of(0)]), x, y, scratch),
            Throws.InstanceOf<ArgumentException>());

        // No vectors are a batch too.
        loaded.Multiply(_queue, [], x.Slice(0, 0), y.Slice(0, 0));
        loaded.Multiply(_queue, new MixedBatch([]), x.Slice(0, 0), y.Slice(0, 0), scratch);
        loaded.MatMul(_queue, 1, x.Slice(0, 0), y.Slice(0, 0));
        loaded.MatMul(_queue, ExpertMix.Of(1), x.Slice(0, 0), y.Slice(0, 0), scratch);
    }

    [TestCase("w.left", "where BF16")]
    [TestCase("w.right", "where BF16")]
    public void Factors_of_another_type_are_refused(string part, string expected)
    {
        WriteSound();
        RewriteParts(spec => spec.Name == part ? spec with { DType = DType.Float16 } : spec);
        Assert.That(() => ExpertPack.Open(_folder["pack"]), Refused($"tensor '{part}'", expected));
    }

    [TestCase("w.left", new long[] { 2, 3, 4, 1 }, "[2, 4, r] with r from 1 to 4")]
    [TestCase("w.left", new long[] { 4, 2, 3 }, "[2, 4, r] with r from 1 to 4")]
    [TestCase("w.left", new long[] { 2, 2, 6 }, "[2, 4, r] with r from 1 to 4")]
    [TestCase("w.right", new long[] { 2, 70, 3 }, "[2, 3, 70]")]
    [TestCase("w.right", new long[] { 6, 70 }, "[2, 3, 70]")]
    public void Factors_of_another_shape_are_refused(string part, long[] shape, string expected)
    {
        WriteSound();
        RewriteParts(spec => spec.Name == part ? spec with { Shape = [.. shape] } : spec);
        Assert.That(() => ExpertPack.Open(_folder["pack"]), Refused($"tensor '{part}'", expected));
    }

    [Test]
    public void A_rank_beyond_that_of_the_matrix_is_refused()
    {
        new PackBuilder("add", "sort").RandomLowRank(3, "w", DType.BFloat16, 5, 4, 70).Write(_folder["pack"]);
        Assert.That(() => ExpertPack.Open(_folder["pack"]), Refused("tensor 'w.left'", "r from 1 to 4", "damaged"));
    }

    [TestCase("w.left")]
    [TestCase("w.right")]
    public void A_missing_factor_is_refused(string part)
    {
        WriteSound();
        RewriteParts(spec => spec.Name == part ? spec with { Name = "w.other" } : spec);
        Assert.That(() => ExpertPack.Open(_folder["pack"]), Refused("tensor 'w'", $"there is no '{part}'"));
    }

    [Test]
    public void A_matrix_without_arithmetic_is_refused()
    {
        var spec = new TensorSpec("w", DType.Int32, [4, 6]);
        var pack = new PackBuilder("add", "sort").RandomLowRank(3, "w", DType.Float32, 1, 4, 6);
        pack.Write(_folder["pack"]);
        PackManifest manifest = PackManifest.Read(_folder["pack", PackManifest.FileName]);
        ModelFolder.Write(_folder["other"], [(spec, new byte[spec.ByteLength])]);
        File.Copy(_folder["other", "model.safetensors"], _folder["pack", "model.safetensors"], overwrite: true);
        PackBuilder.Seal(_folder["pack"], manifest with { Tensors = [manifest.Tensors[0] with { Dtype = "I32" }] });
        Assert.That(() => ExpertPack.Open(_folder["pack"]), Refused("tensor 'w'", "a type with arithmetic"));
    }

    private void WriteSound() =>
        new PackBuilder("add", "sort").RandomLowRank(3, "w", DType.BFloat16, 3, 4, 70).Write(_folder["pack"]);

    private void RewriteParts(Func<TensorSpec, TensorSpec> change) => PartFile.Rewrite(_folder["pack"], change);

    private byte[] StoredBytes(string fileName, string name)
    {
        using var file = SafetensorsFile.Open(_folder["pack", fileName]);
        TensorInfo info = file.Tensors.Single(tensor => tensor.Name == name);
        byte[] bytes = new byte[info.ByteLength];
        file.Read(info, 0, bytes);
        return bytes;
    }

    // A product by factors and one by the mixture's rows differ by what rounding the rows does, u |w| each, and by the sums'
    // own roundings in float32: n + r + 3 of them, 2^-24 each of what is added up.
    private void CheckProduct(LoadedTensor tensor, ExpertMix mix, float[] vector, float[] product, MixScratch scratch)
    {
        DType dtype = tensor.Spec.DType;
        float[] rows = StoredValue.ReadAll(
            Download(dtype, tensor.Spec.ElementCount, to => tensor.Gather(_queue, mix, 0, to, scratch)), dtype);
        double unit = dtype switch { DType.BFloat16 => Math.Pow(2, -8), DType.Float16 => Math.Pow(2, -11), _ => Math.Pow(2, -24) };
        for (int i = 0; i < product.Length; i++)
        {
            double sum = 0;
            double most = 0;
            for (int j = 0; j < vector.Length; j++)
            {
                double part = (double)rows[(i * vector.Length) + j] * vector[j];
                sum += part;
                most += Math.Abs((double)vector[j]) * (1 + Math.Abs(rows[(i * vector.Length) + j]));
            }

            // Of a mixture the experts' rows are rounded, and then their sum.
            double bound = most * ((2 * unit) + ((vector.Length + 16) * Math.Pow(2, -24)));
            Assert.That(product[i], Is.EqualTo(sum).Within(bound), $"{mix}, row {i}");
        }
    }

    private float[] Multiply(LoadedTensor tensor, ExpertMix[] mixes, float[] vectors, MixScratch scratch) => Floats(
        mixes.Length * tensor.Matrix.Rows,
        vectors,
        (x, y) => tensor.Multiply(_queue, new MixedBatch(mixes), x, y, scratch));

    private float[] Floats(long products, float[] vectors, Action<DeviceSpan, DeviceSpan> operation)
    {
        using DeviceBuffer x = _device.Allocate(4L * vectors.Length);
        _queue.Upload(MemoryMarshal.AsBytes<float>(vectors), x.Span(DType.Float32, vectors.Length));
        byte[] bytes = Download(DType.Float32, products, y => operation(x.Span(DType.Float32, vectors.Length), y));
        return MemoryMarshal.Cast<byte, float>(bytes).ToArray();
    }

    private byte[] Gather(LoadedTensor tensor, int expert, long firstRow, long rows) => Download(
        tensor.Spec.DType, rows * tensor.Matrix.Columns, to => tensor.Gather(_queue, expert, firstRow, to));

    private byte[] Download(DType dtype, long elements, Action<DeviceSpan> operation)
    {
        using DeviceBuffer buffer = _device.Allocate(elements * dtype.Size());
        DeviceSpan place = buffer.Span(dtype, elements);
        operation(place);
        byte[] bytes = new byte[place.ByteLength];
        _queue.Download(place, bytes);
        return bytes;
    }
}
