using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Compute.Cuda;
using Interfuse.Testing;
using static Interfuse.Experts.Tests.Refusals;

namespace Interfuse.Experts.Tests;

/// <summary>Tensors of the scheme <c>masked</c>: what an expert's rows are, and what is refused when a pack is opened.</summary>
public sealed class MaskedPackTests
{
    private static readonly DType[] Types = [DType.BFloat16, DType.Float16, DType.Float32, DType.Float64];

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void An_experts_bytes_are_those_of_the_formula_wherever_one_begins_to_read(
        [ValueSource(nameof(Types))] DType dtype, [Values(1, 31, 32, 33, 1024, 2500)] int columns)
    {
        PackBuilder builder = new PackBuilder("a", "b", "c").RandomMasked(columns, "w", dtype, 3, columns);
        builder.RandomMasked(1, "bias", dtype, columns).Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);
        var random = new Random(columns);
        foreach (PackTensor tensor in pack.Tensors)
        {
            for (int expert = 0; expert < 3; expert++)
            {
                byte[] expected = builder.Expected[(tensor.Name, expert)];
                byte[] whole = new byte[tensor.Spec.ByteLength];
                pack.Read(tensor, expert, whole);
                Assert.That(whole.AsSpan().SequenceEqual(expected), $"{tensor.Name} of expert {expert}");
                for (int i = 0; i < 20; i++)
                {
                    int start = random.Next(expected.Length);
                    byte[] part = new byte[random.Next(expected.Length - start + 1)];
                    pack.Read(tensor, expert, start, part);
                    Assert.That(part.AsSpan().SequenceEqual(expected.AsSpan(start, part.Length)), $"{part.Length} from {start}");
                }
            }
        }
    }

    [Test]
    public void What_it_takes_is_twice_the_base_a_bit_per_element_and_a_scale()
    {
        new PackBuilder("a", "b", "c").RandomMasked(1, "w", DType.BFloat16, 64, 320).Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);
        PackTensor tensor = pack.Tensors[0];

        Assert.That(tensor.StoredBytes, Is.EqualTo(2 * 2 * 64 * 320));
        Assert.That(tensor.TableBytes, Is.EqualTo((3 * 64 * 320 / 8) + (3 * 4)));
    }

    [Test]
    public void An_exported_expert_computes_the_same_bits_as_the_pack(
        [ValueSource(nameof(Types))] DType dtype, [Values("cpu", "software")] string kind)
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
        float[] Values(int length, float size) =>
            [.. Enumerable.Range(0, length).Select(_ => size * ((2 * random.NextSingle()) - 1))];
        uint[] masks = new uint[3 * Rows * 10];
        random.NextBytes(MemoryMarshal.AsBytes(masks.AsSpan()));
        for (int last = 9; last < masks.Length; last += 10)
        {
            masks[last] &= (1u << (Columns % 32)) - 1;
        }

        var spec = new TensorSpec("w", dtype, [Rows, Columns]);
        PackBuilder builder = new PackBuilder("a", "b", "c").Masked(
            spec, StoredValue.StoreAll(Values(Rows * Columns, 1), dtype),
            StoredValue.StoreAll(Values(Rows * Columns, 0.1f), dtype), masks, [0.9f, 1, 1.7f]);
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
        float[] vectors = Values(Batch * Columns, 1);
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

            Assert.That(LoadedProducts.MatMul(queue, loaded, expert, vectors), Is.EqualTo(LoadedProducts.MatMul(queue, model, 0, vectors)));
            Assert.That(LoadedProducts.Gather(queue, loaded, expert, 2, 5), Is.EqualTo(LoadedProducts.Gather(queue, model, 0, 2, 5)));
        }
    }

    [Test]
    public void Scales_that_are_no_numbers_are_refused([Values(float.NaN, float.PositiveInfinity)] float scale)
    {
        WriteSound();
        Damage("w.scales", data => BinaryPrimitives.WriteSingleLittleEndian(data[4..], scale));

        Assert.That(() => ExpertPack.Open(_folder["pack"]), Refused("tensor 'w.scales'", "the expert 'sort' by", "damaged"));
    }

    [TestCase(0)]
    [TestCase(7)]
    public void Bits_of_a_mask_that_stand_for_no_column_are_refused(int row)
    {
        WriteSound();
        Damage("w.mask", data => data[(row * 12) + 11] |= 0x80);

        Assert.That(
            () => ExpertPack.Open(_folder["pack"]),
            Refused("tensor 'w.mask'", "beyond the 70 columns", $"row {row % 4}", row < 4 ? "'add'" : "'sort'"));
    }

    [TestCase("w.unified", DType.BFloat16, "where F32")]
    [TestCase("w.mask", DType.Int32, "where U32")]
    [TestCase("w.scales", DType.UInt32, "where F32")]
    public void Parts_of_another_type_are_refused(string part, DType dtype, string expected)
    {
        WriteSound();
        RewriteParts(spec => spec.Name == part
            ? new TensorSpec(part, dtype, [spec.ByteLength / dtype.Size()])
            : spec);

        Assert.That(() => ExpertPack.Open(_folder["pack"]), Refused($"tensor '{part}'", expected));
    }

    [TestCase("w.unified", "[4, 70]")]
    [TestCase("w.mask", "[2, 4, 3]")]
    [TestCase("w.scales", "[2]")]
    public void Parts_of_another_shape_are_refused(string part, string expected)
    {
        WriteSound();
        RewriteParts(spec => spec.Name == part ? new TensorSpec(part, spec.DType, [1, spec.ElementCount]) : spec);

        Assert.That(() => ExpertPack.Open(_folder["pack"]), Refused($"tensor '{part}'", expected));
    }

    [TestCase("w.unified")]
    [TestCase("w.mask")]
    [TestCase("w.scales")]
    public void A_missing_part_is_refused(string part)
    {
        WriteSound();
        RewriteParts(spec => spec.Name == part ? spec with { Name = "w.other" } : spec);

        Assert.That(() => ExpertPack.Open(_folder["pack"]), Refused("tensor 'w'", $"there is no '{part}'"));
    }

    private void WriteSound() =>
        new PackBuilder("add", "sort").RandomMasked(3, "w", DType.Float32, 4, 70).Write(_folder["pack"]);

    private void Damage(string part, PartFile.Change change) =>
        PartFile.Damage(_folder["pack", PackManifest.PartsFileName], part, change);

    private void RewriteParts(Func<TensorSpec, TensorSpec> change) => PartFile.Rewrite(_folder["pack"], change);
}
