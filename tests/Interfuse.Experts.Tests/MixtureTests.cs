using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Compute.Cuda;
using Interfuse.Testing;
using NUnit.Framework.Constraints;

namespace Interfuse.Experts.Tests;

/// <summary>Tensors of a pack on devices: rows and products of mixtures are the sums that they are said to be.</summary>
[TestFixture("cpu")]
[TestFixture("software")]
public sealed class MixtureTests(string kind)
{
    private const int Experts = 3;
    private const int Rows = 11;
    private const int Columns = 40;

    // More than a CUDA device adds up at once.
    private const int Many = 20;

    private TempFolder _folder = null!;
    private Device _device = null!;
    private DeviceQueue _queue = null!;
    private MixScratch _scratch = null!;

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
        _scratch = new MixScratch(_queue);
        _folder = new TempFolder();
    }

    [OneTimeTearDown]
    public void CloseDevice()
    {
        _scratch?.Dispose();
        _queue?.Dispose();
        _device?.Dispose();
        _folder?.Dispose();
    }

    [Test]
    public void Products_are_the_sums_of_the_experts_products_whatever_shares_the_batch(
        [Values("grouped", "shared")] string scheme, [Values] bool isPrompt)
    {
        using LoadedTensor tensor = Load(scheme, DType.BFloat16, Experts);
        var random = new Random(5);
        ExpertMix[] mixes =
        [
            ExpertMix.Of(1), Mix(0.5f, 0.25f, 0.25f), Mix(0.5f, 0.25f, 0.25f), ExpertMix.Shared, ExpertMix.Of(0),
            Mix(0, 0.1f, 0.9f), ExpertMix.Of(1), ExpertMix.Shared, Mix(0.5f, 0.25f, 0.25f), ExpertMix.Uniform(3),
        ];
        float[] x = Floats(random, mixes.Length * Columns);
        float[][] products = [.. Enumerable.Range(0, Experts).Select(expert => Products(
            x, y => Multiply(tensor, ExpertMix.Of(expert), isPrompt, x, y)))];

        float[] together = Products(x, y => Multiply(tensor, mixes, isPrompt, x, y));

        for (int i = 0; i < together.Length; i++)
        {
            ExpertMix mix = scheme == "shared" ? ExpertMix.Of(0) : mixes[i / Rows];
            Assert.That(Bits(together[i]), Is.EqualTo(Bits(Sum(mix, expert => products[expert][i]))), $"product {i}");
        }

        for (int i = 0; i < mixes.Length; i++)
        {
            float[] vector = x[(i * Columns)..((i + 1) * Columns)];
            float[] alone = Products(vector, y => Multiply(tensor, mixes[i], isPrompt, vector, y));
            Assert.That(alone.Select(Bits), Is.EqualTo(together[(i * Rows)..((i + 1) * Rows)].Select(Bits)), $"vector {i}");
        }
    }

    [Test]
    public void A_batch_may_be_longer_than_the_device_multiplies_at_once_and_a_mixture_of_more_experts_than_it_adds_up()
    {
        using LoadedTensor tensor = Load("grouped", DType.Float32, Many);
        var random = new Random(6);
        var most = ExpertMix.Uniform(Many);
        ExpertMix[] mixes = [.. Enumerable.Range(0, 90).Select(i => i % 3 == 0 ? most : ExpertMix.Of(i % Many))];
        float[] x = Floats(random, mixes.Length * Columns);

        float[] together = Products(x, y => Multiply(tensor, mixes, isPrompt: false, x, y));

        float[][] products = [.. Enumerable.Range(0, Many).Select(expert => Products(
            x, y => Multiply(tensor, ExpertMix.Of(expert), isPrompt: false, x, y)))];
        for (int i = 0; i < together.Length; i++)
        {
            Assert.That(
                Bits(together[i]), Is.EqualTo(Bits(Sum(mixes[i / Rows], expert => products[expert][i]))), $"product {i}");
        }
    }

    [TestCase(DType.BFloat16)]
    [TestCase(DType.Float16)]
    [TestCase(DType.Float32)]
    [TestCase(DType.Float64)]
    public void Rows_are_the_sums_of_the_experts_rows_rounded_once_in_memory_too(DType dtype)
    {
        using ExpertPack pack = Open("grouped", dtype, Many);
        PackTensor stored = pack.Tensors[0];
        using LoadedTensor tensor = stored.Load(_queue);
        ExpertMix[] mixes = [ExpertMix.Uniform(Many), ExpertMix.Of(7), ExpertMix.Uniform(2), Mix(0.7f, 0.3f), ExpertMix.Shared];
        long[] rows = [3, 0, 3, 10, 5];
        float[][] values = [.. Enumerable.Range(0, Many).Select(expert => Widen(ReadingTests.Whole(pack, stored, expert), dtype))];
        float[] expected =
        [
            .. mixes.SelectMany((mix, i) => Enumerable.Range(0, Columns).Select(j => Sum(
                mix.IsShared ? ExpertMix.Uniform(Many) : mix, expert => values[expert][(rows[i] * Columns) + j]))),
        ];
        byte[] bytes = Narrow(expected, dtype);

        Assert.That(
            Download(dtype, rows.Length, to => tensor.GatherBatch(_queue, new MixedBatch(mixes), rows, to, _scratch)),
            Is.EqualTo(bytes));
        for (int i = 0; i < mixes.Length; i++)
        {
            int at = i;
            byte[] row = bytes[(i * Columns * dtype.Size())..((i + 1) * Columns * dtype.Size())];
            byte[] read = new byte[row.Length];
            pack.Rows(stored, mixes[i], rows[i], read);
            Assert.That(read, Is.EqualTo(row), $"{mixes[i]} in memory");
            pack.Rows(stored, mixes[i], [rows[i]], read);
            Assert.That(read, Is.EqualTo(row), $"{mixes[i]} by number");
            Assert.That(
                Download(dtype, 1, to => tensor.Gather(_queue, mixes[at], rows[at], to, _scratch)), Is.EqualTo(row), $"{mixes[i]}");
        }
    }

    [Test]
    public void Integers_are_mixed_where_all_experts_have_the_same()
    {
        int[] same = [0, 1, 2, 0, 1, 2];
        int[] other = [0, 1, 2, 0, 3, 2];
        var spec = new TensorSpec("same", DType.Int64, [3, 5]);
        byte[] bank = new byte[4 * 5 * 8];
        new Random(1).NextBytes(bank);
        new PackBuilder("a", "b").Grouped(spec, bank, same).Grouped(spec with { Name = "other" }, bank, other)
            .RandomShared(3, "shared", DType.Int8, 3, 5).Write(_folder["integers"]);
        using var pack = ExpertPack.Open(_folder["integers"]);
        foreach (string name in (string[])["same", "shared"])
        {
            PackTensor tensor = pack.FindTensor(name);
            using LoadedTensor loaded = tensor.Load(_queue);
            byte[] whole = ReadingTests.Whole(pack, tensor, 0);
            byte[] read = new byte[whole.Length];
            pack.Read(tensor, ExpertMix.Uniform(2), read);
            Assert.That(read, Is.EqualTo(whole), name);
            Assert.That(
                Download(tensor.DType, 3, to => loaded.Gather(_queue, ExpertMix.Shared, 0, to, _scratch), columns: 5),
                Is.EqualTo(whole), name);
        }

        PackTensor differing = pack.FindTensor("other");
        using LoadedTensor onDevice = differing.Load(_queue);
        ExpertMix[] batch = [ExpertMix.Of(0), ExpertMix.Uniform(2)];
        Assert.Multiple(() =>
        {
            Assert.That(
                () => pack.Read(differing, ExpertMix.Uniform(2), new byte[3 * 5 * 8]), Refused("'other' is of I64"));
            Assert.That(
                () => Download(DType.Int64, 3, to => onDevice.Gather(_queue, ExpertMix.Uniform(2), 0, to, _scratch), columns: 5),
                Refused("'other' is of I64"));
            Assert.That(
                () => Download(
                    DType.Int64, 2, to => onDevice.GatherBatch(_queue, new MixedBatch(batch), [1, 1], to, _scratch), columns: 5),
                Refused("'other' is of I64"));
            Assert.That(
                Download(
                    DType.Int64, 2, to => onDevice.GatherBatch(_queue, new MixedBatch(batch), [2, 2], to, _scratch), columns: 5),
                Is.EqualTo((byte[])[.. bank[80..120], .. bank[80..120]]), "of rows that are the same");
        });
    }

    [Test]
    public void Going_on_with_a_batch_takes_no_memory()
    {
        using LoadedTensor tensor = Load("grouped", DType.BFloat16, Experts);
        using var scratch = new MixScratch(_queue);
        var batch = new MixedBatch([Mix(0.5f, 0.25f, 0.25f), ExpertMix.Of(0), Mix(0.25f, 0.5f, 0.25f)]);
        using DeviceBuffer xs = _device.Allocate(3 * Columns * sizeof(float));
        using DeviceBuffer ys = _device.Allocate(3 * Rows * sizeof(float));
        DeviceSpan x = xs.Span(DType.Float32, 3 * Columns);
        DeviceSpan y = ys.Span(DType.Float32, 3 * Rows);
        _queue.Upload(MemoryMarshal.AsBytes<float>(Floats(new Random(1), 3 * Columns)), x);
        tensor.Multiply(_queue, batch, x, y, scratch);
        DeviceBuffer[] before = Buffers();

        // What the operations themselves take is no part of it: the same ones on single experts.
        int[] seven = [0, 1, 2, 0, 0, 1, 2];
        MixExpansion expansion = batch.Expand(Experts, hasShared: false, isAlike: false);
        Assert.That(expansion.Experts.ToArray(), Is.EqualTo(seven));
        long operations = Allocated(() =>
        {
            DeviceSpan vectors = scratch.Take(MixScratch.Use.Vectors, DType.Float32, seven.Length * Columns);
            DeviceSpan parts = scratch.Take(MixScratch.Use.Parts, DType.Float32, seven.Length * Rows);
            for (int i = 0; i < seven.Length; i++)
            {
                _queue.Copy(x.Slice(0, Columns), vectors.Slice(i * Columns, Columns));
            }

            tensor.Multiply(_queue, seven, vectors, parts);
            _queue.Copy(parts.Slice(0, Rows), y.Slice(0, Rows));
            foreach (int first in (ReadOnlySpan<int>)[0, 4])
            {
                _queue.LinearCombination(
                    [parts.Slice(first * Rows, Rows), parts.Slice((first + 1) * Rows, Rows), parts.Slice((first + 2) * Rows, Rows)],
                    [0.5f, 0.25f, 0.25f],
                    y.Slice(0, Rows));
            }
        });
        long mixed = Allocated(() => tensor.Multiply(_queue, batch, x, y, scratch));

        Assert.That(mixed, Is.LessThanOrEqualTo(operations));
        Assert.That(Buffers(), Is.EqualTo(before).Using<DeviceBuffer>(ReferenceEquals));

        DeviceBuffer[] Buffers() =>
        [
            scratch.Take(MixScratch.Use.Vectors, DType.UInt8, 0).Buffer, scratch.Take(MixScratch.Use.Parts, DType.UInt8, 0).Buffer,
        ];
    }

    [Test]
    public void What_does_not_fit_is_refused()
    {
        using LoadedTensor tensor = Load("grouped", DType.BFloat16, Experts);
        using DeviceQueue other = _device.CreateQueue();
        using DeviceBuffer memory = _device.Allocate(4096);
        DeviceSpan x = memory.Span(DType.Float32, Columns);
        DeviceSpan y = new(memory, 2048, DType.Float32, Rows);
        var stranger = ExpertMix.Weighted(new ExpertShare(0, 0.5f), new ExpertShare(Experts, 0.5f));

        Assert.Multiple(() =>
        {
            Assert.That(
                () => tensor.Multiply(_queue, new MixedBatch([stranger]), x, y, _scratch),
                Throws.InstanceOf<ArgumentException>().With.Message.Contains("no expert 3 among 3"));
            Assert.That(() => tensor.MatMul(_queue, stranger, x, y, _scratch), Throws.InstanceOf<ArgumentException>());
            Assert.That(
                () => tensor.Multiply(_queue, new MixedBatch([ExpertMix.Uniform(3), ExpertMix.Of(0)]), x, y, _scratch),
                Throws.InstanceOf<ArgumentException>().With.Message.Contains("A batch of 2"));
            Assert.That(
                () => tensor.Multiply(other, new MixedBatch([ExpertMix.Of(0)]), x, y, _scratch),
                Throws.InstanceOf<ArgumentException>().With.Message.Contains("another queue"));
            Assert.That(
                () => tensor.GatherBatch(_queue, new MixedBatch([ExpertMix.Uniform(3)]), [0, 1], memory.Span(DType.BFloat16, Columns), _scratch),
                Throws.InstanceOf<ArgumentException>());
            Assert.That(
                () => tensor.GatherBatch(_queue, new MixedBatch([ExpertMix.Uniform(3)]), [Rows], memory.Span(DType.BFloat16, Columns), _scratch),
                Throws.InstanceOf<ArgumentException>());
        });
    }

    private static long Allocated(Action work)
    {
        // The first time, code is compiled and arrays grow.
        work();
        work();
        long before = GC.GetAllocatedBytesForCurrentThread();
        work();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static ContainsConstraint Refused(string text) =>
        Throws.TypeOf<InterfuseException>().With.Message.Contains(text);

    private static ExpertMix Mix(params float[] weights) =>
        ExpertMix.Weighted(weights.Select((weight, expert) => new ExpertShare(expert, weight)));

    // The formula, one operation a line of rounding.
    private static float Sum(ExpertMix mix, Func<int, float> value)
    {
        if (mix.IsSingle)
        {
            return value(mix.Expert);
        }

        float sum = 0;
        ExpertShare[] parts = [.. (mix.IsShared ? ExpertMix.Uniform(Experts) : mix).Parts];
        for (int i = 0; i < parts.Length; i++)
        {
            float term = parts[i].Weight * value(parts[i].Expert);
            sum = i == 0 ? term : sum + term;
        }

        return sum;
    }

    private static uint Bits(float value) => BitConverter.SingleToUInt32Bits(value);

    private static float[] Floats(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];

    private static float[] Widen(byte[] bytes, DType dtype) => dtype switch
    {
        DType.BFloat16 => [.. MemoryMarshal.Cast<byte, ushort>(bytes).ToArray().Select(bits => BitConverter.UInt32BitsToSingle((uint)bits << 16))],
        DType.Float16 => [.. MemoryMarshal.Cast<byte, Half>(bytes).ToArray().Select(value => (float)value)],
        DType.Float32 => MemoryMarshal.Cast<byte, float>(bytes).ToArray(),
        _ => [.. MemoryMarshal.Cast<byte, double>(bytes).ToArray().Select(value => (float)value)],
    };

    private static byte[] Narrow(float[] values, DType dtype)
    {
        byte[] bytes = new byte[values.Length * dtype.Size()];
        new CpuKernels().Narrow(values, dtype, bytes);
        return bytes;
    }

    private ExpertPack Open(string scheme, DType dtype, int experts)
    {
        string path = _folder[$"{scheme}-{dtype}-{experts}"];
        if (!Directory.Exists(path))
        {
            var random = new Random(experts);
            int bankRows = 2 * Rows;
            byte[] bank = Narrow(Floats(random, bankRows * Columns), dtype);
            int[] table = [.. Enumerable.Range(0, experts * Rows).Select(_ => random.Next(bankRows))];
            var spec = new TensorSpec("w", dtype, [Rows, Columns]);
            var builder = new PackBuilder([.. Enumerable.Range(0, experts).Select(expert => $"expert {expert}")]);
            _ = scheme == "grouped" ? builder.Grouped(spec, bank, table) : builder.Shared(spec, bank[..(int)spec.ByteLength]);
            builder.Write(path);
        }

        return ExpertPack.Open(path);
    }

    private LoadedTensor Load(string scheme, DType dtype, int experts)
    {
        using ExpertPack pack = Open(scheme, dtype, experts);
        return pack.Tensors[0].Load(_queue);
    }

    private void Multiply(LoadedTensor tensor, ExpertMix mix, bool isPrompt, float[] x, DeviceSpan y) =>
        Multiply(tensor, [.. Enumerable.Repeat(mix, x.Length / Columns)], isPrompt, x, y);

    private void Multiply(LoadedTensor tensor, ExpertMix[] mixes, bool isPrompt, float[] x, DeviceSpan y)
    {
        using DeviceBuffer memory = _device.Allocate(x.Length * sizeof(float));
        DeviceSpan vectors = memory.Span(DType.Float32, x.Length);
        _queue.Upload(MemoryMarshal.AsBytes<float>(x), vectors);
        var batch = new MixedBatch(mixes);
        if (isPrompt)
        {
            foreach ((ExpertMix mix, int start, int count) in batch.Runs)
            {
                tensor.MatMul(
                    _queue, mix, vectors.Slice(start * Columns, count * Columns), y.Slice(start * Rows, count * Rows), _scratch);
            }
        }
        else
        {
            tensor.Multiply(_queue, batch, vectors, y, _scratch);
        }

        _queue.Synchronize();
    }

    private float[] Products(float[] x, Action<DeviceSpan> multiply)
    {
        float[] products = new float[x.Length / Columns * Rows];
        using DeviceBuffer memory = _device.Allocate(products.Length * sizeof(float));
        DeviceSpan y = memory.Span(DType.Float32, products.Length);
        multiply(y);
        _queue.Download(y, MemoryMarshal.AsBytes<float>(products.AsSpan()));
        return products;
    }

    private byte[] Download(DType dtype, long rows, Action<DeviceSpan> gather, int columns = Columns)
    {
        using DeviceBuffer buffer = _device.Allocate(rows * columns * dtype.Size());
        DeviceSpan span = buffer.Span(dtype, rows * columns);
        gather(span);
        byte[] bytes = new byte[span.ByteLength];
        _queue.Download(span, bytes);
        return bytes;
    }
}
