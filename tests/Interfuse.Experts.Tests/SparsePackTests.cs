using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Compute.Cuda;
using Interfuse.Testing;
using static Interfuse.Experts.Tests.Refusals;

namespace Interfuse.Experts.Tests;

/// <summary>Tensors of the scheme <c>sparse</c>: what an expert's rows are, and what is refused when a pack is opened.</summary>
public sealed class SparsePackTests
{
    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void An_experts_bytes_are_those_of_the_formula_wherever_one_begins_to_read(
        [Values(DType.BFloat16, DType.Float32, DType.Float64, DType.Int8)] DType dtype,
        [Values(1, 7, 64, 300, 70_000)] int columns,
        [Values(2, 20)] int every)
    {
        PackBuilder builder = new PackBuilder("a", "b", "c").RandomSparse(columns, "w", dtype, every, 5, columns);
        builder.RandomSparse(1, "bias", dtype, every, columns).Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);
        var random = new Random(columns);
        foreach (PackTensor tensor in pack.Tensors)
        {
            for (int expert = 0; expert < 3; expert++)
            {
                byte[] expected = builder.Expected[(tensor.Name, expert)];
                byte[] whole = new byte[tensor.Spec.ByteLength];
                pack.Read(tensor, ExpertMix.Of(expert), whole);
                Assert.That(whole.AsSpan().SequenceEqual(expected), $"{tensor.Name} of expert {expert}");
                for (int i = 0; i < 20; i++)
                {
                    int start = random.Next(expected.Length);
                    byte[] part = new byte[random.Next(expected.Length - start + 1)];
                    pack.Read(tensor, ExpertMix.Of(expert), start, part);
                    Assert.That(part.AsSpan().SequenceEqual(expected.AsSpan(start, part.Length)), $"{part.Length} from {start}");
                }
            }
        }
    }

    [Test]
    public void The_shared_model_is_the_dense_matrix()
    {
        var dense = new TensorSpec("w", DType.UInt8, [2, 2]);
        new PackBuilder("a").Sparse(dense, [1, 2, 3, 4], [0, 1, 2], [0, 1], [9, 8]).Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);
        byte[] shared = new byte[4];
        byte[] own = new byte[4];
        pack.Read(pack.Tensors[0], ExpertMix.Shared, shared);
        pack.Read(pack.Tensors[0], ExpertMix.Of(0), own);

        Assert.That(shared, Is.EqualTo(new byte[] { 1, 2, 3, 4 }));
        Assert.That(own, Is.EqualTo(new byte[] { 9, 2, 3, 8 }));
        Assert.That((pack.Tensors[0].StoredBytes, pack.Tensors[0].TableBytes), Is.EqualTo((6L, 16L)));
    }

    [Test]
    public void An_exported_expert_computes_the_same_bits_as_the_pack(
        [Values("cpu", "software")] string kind, [Values(DType.BFloat16, DType.Float32)] DType dtype)
    {
        if (kind == "software" && CudaLibraries.SoftwareMissing is { } reason)
        {
            Assert.That(CudaLibraries.SoftwareRequired, Is.False, reason);
            Assert.Ignore(reason);
        }

        const int Rows = 13;
        const int Columns = 300;
        const int Batch = 70;
        var random = new Random(5);
        float[] Values(int length) => [.. Enumerable.Range(0, length).Select(_ => (2 * random.NextSingle()) - 1)];
        List<int> starts = [0];
        List<int> places = [];
        for (int row = 0; row < 3 * Rows; row++)
        {
            places.AddRange(Enumerable.Range(0, Columns).Where(_ => random.Next(8) == 0));
            starts.Add(places.Count);
        }

        var spec = new TensorSpec("w", dtype, [Rows, Columns]);
        PackBuilder builder = new PackBuilder("a", "b", "c").Sparse(
            spec, StoredValue.StoreAll(Values(Rows * Columns), dtype), [.. starts], [.. places],
            StoredValue.StoreAll(Values(places.Count), dtype));
        builder.Write(_folder["pack"]);
        for (int expert = 0; expert < 3; expert++)
        {
            new PackBuilder("x").Shared(spec, builder.Expected[("w", expert)]).Write(_folder[$"{expert}"]);
        }

        using Device device = kind == "cpu" ? new CpuDevice(threads: 2) : SoftwareCuda.Open();
        using DeviceQueue queue = device.CreateQueue();
        using var pack = ExpertPack.Open(_folder["pack"]);
        using LoadedTensor loaded = pack.Tensors[0].Load(queue);
        int[] experts = [.. Enumerable.Range(0, Batch).Select(_ => random.Next(3))];
        float[] vectors = Values(Batch * Columns);
        float[] products = LoadedProducts.Multiply(queue, loaded, experts, vectors);
        for (int expert = 0; expert < 3; expert++)
        {
            using var own = ExpertPack.Open(_folder[$"{expert}"]);
            using LoadedTensor model = own.Tensors[0].Load(queue);
            float[] expected = LoadedProducts.Multiply(queue, model, new int[Batch], vectors);
            for (int i = 0; i < products.Length; i++)
            {
                if (experts[i / Rows] == expert)
                {
                    Assert.That(products[i], Is.EqualTo(expected[i]), $"product {i}");
                }
            }

            Assert.That(
                LoadedProducts.MatMul(queue, loaded, expert, vectors), Is.EqualTo(LoadedProducts.MatMul(queue, model, 0, vectors)));
            Assert.That(
                LoadedProducts.Gather(queue, loaded, expert, 2, 5), Is.EqualTo(LoadedProducts.Gather(queue, model, 0, 2, 5)));
        }

        using DeviceBuffer room = device.Allocate(spec.ByteLength);
        Assert.That(() => loaded.Gather(queue, 3, 0, room.Span(dtype, spec.ElementCount)), Throws.InstanceOf<ArgumentException>());
    }

    // Two experts, four rows, 70 columns; row 2 of 'sort' has values 4 to 9 at places 0, 9, 18, ...
    [TestCase("starts", 0, 1, "goes from value 1 to")]
    [TestCase("starts", 8, 3, "begins row 3 of the expert 'sort' at value", "ends it at 3")]
    [TestCase("starts", 3, 60_000, "begins row 3 of the expert 'add' at value 60000")]
    [TestCase("starts", 2, -5, "begins row 1 of the expert 'add' at value", "ends it at -5")]
    [TestCase("places", 17, 0, "columns of 70 in ascending order for row 2 of the expert 'add'")]
    [TestCase("places", 23, 70, "columns of 70 in ascending order for row 2 of the expert 'add'")]
    [TestCase("places", 63, 65_535, "columns of 70 in ascending order for row 3 of the expert 'sort'")]
    public void A_pack_with_a_damaged_entry_is_refused(string part, int entry, int value, params string[] words)
    {
        WriteSound();
        Damage($"w.{part}", data =>
        {
            if (part == "starts")
            {
                MemoryMarshal.Cast<byte, int>(data)[entry] = value;
            }
            else
            {
                MemoryMarshal.Cast<byte, ushort>(data)[entry] = (ushort)value;
            }
        });

        Assert.That(() => ExpertPack.Open(_folder["pack"]), Refused([$"tensor 'w.{part}'", "damaged", .. words]));
    }

    [Test]
    public void A_negative_place_is_refused()
    {
        var tensor = new TensorSpec("w", DType.Float32, [1, 70_000]);
        new PackBuilder("a").Sparse(tensor, new byte[280_000], [0, 2], [5, 69_999], new byte[8]).Write(_folder["pack"]);
        ExpertPack.Open(_folder["pack"]).Dispose();
        Damage("w.places", data => MemoryMarshal.Cast<byte, int>(data)[0] = -1);

        Assert.That(() => ExpertPack.Open(_folder["pack"]), Refused("tensor 'w.places'", "row 0 of the expert 'a'"));
    }

    [TestCase("w.starts", DType.UInt32, "where I32")]
    [TestCase("w.places", DType.Int16, "where U16")]
    [TestCase("w.values", DType.BFloat16, "where F32")]
    public void Parts_of_another_type_are_refused(string part, DType dtype, string expected)
    {
        WriteSound();
        RewriteParts(spec => spec.Name == part ? new TensorSpec(part, dtype, [spec.ByteLength / dtype.Size()]) : spec);

        Assert.That(() => ExpertPack.Open(_folder["pack"]), Refused($"tensor '{part}'", expected));
    }

    [TestCase("w.starts", "[9]")]
    [TestCase("w.places", "[64]")]
    [TestCase("w.values", "a list")]
    public void Parts_of_another_shape_are_refused(string part, string expected)
    {
        WriteSound();
        RewriteParts(spec => spec.Name == part ? new TensorSpec(part, spec.DType, [1, spec.ElementCount]) : spec);

        Assert.That(() => ExpertPack.Open(_folder["pack"]), Refused($"tensor '{part}'", expected));
    }

    [TestCase("w.starts")]
    [TestCase("w.places")]
    [TestCase("w.values")]
    public void A_missing_part_is_refused(string part)
    {
        WriteSound();
        RewriteParts(spec => spec.Name == part ? spec with { Name = "w.other" } : spec);

        Assert.That(() => ExpertPack.Open(_folder["pack"]), Refused("tensor 'w'", $"there is no '{part}'"));
    }

    [Test]
    public void A_part_that_nothing_needs_is_refused()
    {
        new PackBuilder("a").RandomSparse(1, "w", DType.Float32, 2, 3, 5).Write(_folder["pack"]);
        PackManifest manifest = PackManifest.Read(_folder["pack", PackManifest.FileName]);
        PackBuilder.Seal(_folder["pack"], manifest with { Tensors = [manifest.Tensors[0] with { Scheme = "shared" }] });

        Assert.That(() => ExpertPack.Open(_folder["pack"]), Refused("has no use"));
    }

    private void WriteSound()
    {
        int[] places = [.. Enumerable.Range(0, 8).SelectMany(_ => Enumerable.Range(0, 8).Select(value => 9 * value))];
        byte[] values = new byte[4 * places.Length];
        new PackBuilder("add", "sort").Sparse(
            new TensorSpec("w", DType.Float32, [4, 70]), new byte[4 * 280],
            [.. Enumerable.Range(0, 9).Select(row => 8 * row)], places, values).Write(_folder["pack"]);
        ExpertPack.Open(_folder["pack"]).Dispose();
    }

    private void Damage(string part, PartFile.Change change) =>
        PartFile.Damage(_folder["pack", PackManifest.PartsFileName], part, change);

    private void RewriteParts(Func<TensorSpec, TensorSpec> change) => PartFile.Rewrite(_folder["pack"], change);
}
