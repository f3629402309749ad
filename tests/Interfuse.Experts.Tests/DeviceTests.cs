using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Compute.Cuda;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests;

/// <summary>Tensors of a pack on devices: rows and products of all experts.</summary>
[TestFixture("cpu")]
[TestFixture("software")]
public sealed class DeviceTests(string kind)
{
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
        _folder = new TempFolder();
    }

    [OneTimeTearDown]
    public void CloseDevice()
    {
        _queue?.Dispose();
        _device?.Dispose();
        _folder?.Dispose();
    }

    [Test]
    public void Rows_are_gathered_as_they_are_stored([Range(0, 5)] int seed)
    {
        PackBuilder builder = ReadingTests.RandomPack(seed);
        builder.Write(_folder[$"gather-{seed}"]);
        using var pack = ExpertPack.Open(_folder[$"gather-{seed}"]);
        var random = new Random(seed);
        foreach (PackTensor tensor in pack.Tensors.Where(tensor => tensor.Spec.ElementCount > 0))
        {
            using LoadedTensor loaded = tensor.Load(_queue);
            int expert = random.Next(pack.Experts.Count);
            byte[] expected = builder.Expected[(tensor.Name, expert)];
            Assert.That(
                Download(tensor, tensor.Rows, to => loaded.Gather(_queue, expert, 0, to)), Is.EqualTo(expected), tensor.Name);

            ExpertRow[] requests =
            [
                .. Enumerable.Range(0, 9).Select(_ => new ExpertRow(random.Next(pack.Experts.Count), random.NextInt64(tensor.Rows))),
            ];
            IEnumerable<byte> rows = requests.SelectMany(request => builder.Expected[(tensor.Name, request.Expert)]
                .Skip((int)(request.Row * tensor.RowBytes)).Take((int)tensor.RowBytes));
            Assert.That(
                Download(tensor, requests.Length, to => loaded.GatherBatch(_queue, requests, to)), Is.EqualTo(rows), tensor.Name);
        }
    }

    [TestCase("grouped", 1)]
    [TestCase("grouped", 150)]
    [TestCase("shared", 1)]
    [TestCase("shared", 65)]
    public void A_batch_of_any_size_is_multiplied_by_each_vectors_own_matrix(string scheme, int batch)
    {
        const int Experts = 3;
        const int Rows = 11;
        const int Columns = 40;
        var random = new Random(batch);
        float[] bank = Floats(random, 20 * Columns);
        int[] table = [.. Enumerable.Range(0, Experts * Rows).Select(_ => random.Next(20))];
        var spec = new TensorSpec("w", DType.Float32, [Rows, Columns]);
        var builder = new PackBuilder("a", "b", "c");
        _ = scheme == "grouped"
            ? builder.Grouped(spec, MemoryMarshal.AsBytes<float>(bank).ToArray(), table)
            : builder.Shared(spec, MemoryMarshal.AsBytes<float>(bank)[..(int)spec.ByteLength].ToArray());
        string path = _folder[$"multiply-{scheme}-{batch}"];
        builder.Write(path);
        int[] experts = [.. Enumerable.Range(0, batch).Select(_ => random.Next(Experts))];
        float[] vectors = Floats(random, batch * Columns);

        float[] products = Multiply(path, experts, vectors, batch * Rows);

        for (int i = 0; i < products.Length; i++)
        {
            float[] matrix = MemoryMarshal.Cast<byte, float>(builder.Expected[("w", experts[i / Rows])]).ToArray();
            double expected = Enumerable.Range(0, Columns).Sum(j =>
                (double)matrix[(i % Rows * Columns) + j] * vectors[(i / Rows * Columns) + j]);
            Assert.That(products[i], Is.EqualTo(expected).Within(1e-4), $"product {i}");
        }
    }

    [Test]
    public void What_is_loaded_outlives_the_pack()
    {
        var builder = new PackBuilder("a", "b").RandomGrouped(1, "w", DType.BFloat16, 6, 5).RandomShared(2, "v", DType.Int8, 3);
        builder.Write(_folder["outlive"]);
        var pack = ExpertPack.Open(_folder["outlive"]);
        PackTensor tensor = pack.FindTensor("w");
        using LoadedTensor loaded = tensor.Load(_queue);
        pack.Dispose();

        Assert.That(
            Download(tensor, 6, to => loaded.Gather(_queue, 1, 0, to)), Is.EqualTo(builder.Expected[("w", 1)]));
        Assert.That(() => pack.FindTensor("v").Load(_queue), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void An_expert_that_is_not_there_is_refused()
    {
        new PackBuilder("a", "b").RandomShared(1, "w", DType.Float32, 2, 2).Write(_folder["stranger"]);
        using var pack = ExpertPack.Open(_folder["stranger"]);
        PackTensor tensor = pack.FindTensor("w");
        using LoadedTensor loaded = tensor.Load(_queue);
        using DeviceBuffer memory = _device.Allocate(64);

        Assert.Multiple(() =>
        {
            Assert.That(
                () => loaded.Gather(_queue, 2, 0, memory.Span(DType.Float32, 4)), Throws.InstanceOf<ArgumentException>());
            Assert.That(
                () => loaded.GatherBatch(_queue, [new ExpertRow(-1, 0)], memory.Span(DType.Float32, 2)),
                Throws.InstanceOf<ArgumentException>());
            Assert.That(
                () => loaded.Multiply(_queue, [2], memory.Span(DType.Float32, 2), memory.Span(DType.Float32, 2)),
                Throws.InstanceOf<ArgumentException>());
            Assert.That(
                () => loaded.Multiply(_queue, [0], memory.Span(DType.Float32, 3), memory.Span(DType.Float32, 2)),
                Throws.InstanceOf<ArgumentException>());
        });
    }

    private static float[] Floats(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];

    private byte[] Download(PackTensor tensor, long rows, Action<DeviceSpan> gather)
    {
        long elements = rows * tensor.Columns;
        using DeviceBuffer buffer = _device.Allocate(elements * tensor.DType.Size());
        DeviceSpan span = buffer.Span(tensor.DType, elements);
        gather(span);
        byte[] bytes = new byte[span.ByteLength];
        _queue.Download(span, bytes);
        return bytes;
    }

    private float[] Multiply(string path, int[] experts, float[] vectors, int products)
    {
        using var pack = ExpertPack.Open(path);
        using LoadedTensor loaded = pack.FindTensor("w").Load(_queue);
        using DeviceBuffer xs = _device.Allocate(vectors.Length * sizeof(float));
        using DeviceBuffer ys = _device.Allocate(products * sizeof(float));
        DeviceSpan x = xs.Span(DType.Float32, vectors.Length);
        DeviceSpan y = ys.Span(DType.Float32, products);
        _queue.Upload(MemoryMarshal.AsBytes<float>(vectors), x);
        loaded.Multiply(_queue, experts, x, y);
        float[] result = new float[products];
        _queue.Download(y, MemoryMarshal.AsBytes<float>(result.AsSpan()));
        return result;
    }
}
