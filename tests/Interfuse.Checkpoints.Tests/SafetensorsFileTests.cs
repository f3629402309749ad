using Interfuse.Testing;
using static Interfuse.Checkpoints.Tests.RawSafetensors;

namespace Interfuse.Checkpoints.Tests;

public sealed class SafetensorsFileTests
{
    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Every_dtype_comes_back([Values] DType dtype)
    {
        (TensorSpec spec, byte[] data) = ModelFolder.Random(1, "weight", dtype, 3, 5);

        using SafetensorsFile file = WriteAndOpen((spec, data));

        TensorInfo tensor = file.Tensors.Single();
        Assert.That(new TensorSpec(tensor.Name, tensor.DType, tensor.Shape), Is.EqualTo(spec));
        Assert.That(tensor.ElementCount, Is.EqualTo(15));
        Assert.That(tensor.ByteLength, Is.EqualTo(15 * dtype.Size()));
        Assert.That(ReadAll(file, tensor), Is.EqualTo(data));
    }

    [Test]
    public void Scalars_and_empty_tensors_come_back()
    {
        (TensorSpec, byte[])[] tensors =
        [
            ModelFolder.Random(1, "first.empty", DType.Float32, 0),
            ModelFolder.Random(2, "scalar", DType.Float64),
            ModelFolder.Random(3, "middle.empty", DType.BFloat16, 4, 0, 2),
            ModelFolder.Random(4, "byte", DType.UInt8, 1),
            ModelFolder.Random(5, "last.empty", DType.Float32, 0, 7),
        ];

        long[] counts = [0, 1, 0, 1, 0];

        using SafetensorsFile file = WriteAndOpen(tensors);

        Assert.That(file.Tensors.Select(t => t.Name), Is.EqualTo(tensors.Select(t => t.Item1.Name)));
        Assert.That(file.Tensors.Select(t => t.ElementCount), Is.EqualTo(counts));
        Assert.That(file.Tensors[1].Shape, Is.Empty);
        Assert.That(ReadAll(file, file.Tensors[1]), Is.EqualTo(tensors[1].Item2));
        Assert.That(ReadAll(file, file.Tensors[2]), Is.Empty);
    }

    [Test]
    public void Tensors_are_listed_in_the_order_of_their_bytes()
    {
        string path = _folder["reversed.safetensors"];
        string json = $"{{{Entry("late", "U8", "[3]", "[2,5]")},{Entry("early", "U8", "[2]", "[0,2]")}}}";
        File.WriteAllBytes(path, Bytes(json, 5));

        using var file = SafetensorsFile.Open(path);

        Assert.That(file.Tensors.Select(t => t.Name), Is.Ordered.Ascending.And.Exactly(2).Items);
        Assert.That(file.Tensors[1].Offset, Is.EqualTo(8 + json.Length + 2));
        Assert.That(file.Length, Is.EqualTo(8 + json.Length + 5));
    }

    [Test]
    public void Later_additions_to_a_header_entry_are_passed_over()
    {
        string path = _folder["later.safetensors"];
        File.WriteAllBytes(
            path, Bytes("""{"a":{"new":{"x":[1]},"dtype":"U8","shape":[1],"data_offsets":[0,1]}}   """, 1));

        using var file = SafetensorsFile.Open(path);

        Assert.That(file.Tensors.Single().Name, Is.EqualTo("a"));
    }

    [Test]
    public void A_header_keeps_metadata_and_names_of_all_scripts_and_aligns_the_data()
    {
        var metadata = new Dictionary<string, string> { ["z"] = "\"quoted\"\n", ["format"] = "pt" };
        TensorSpec[] tensors = [new("重み/😀\\", DType.UInt8, [1]), new("b", DType.UInt8, [2])];
        string path = _folder["names.safetensors"];
        byte[] header = SafetensorsHeader.Write(tensors, metadata);
        File.WriteAllBytes(path, [.. header, 1, 2, 3]);

        using var file = SafetensorsFile.Open(path);

        Assert.That(header.Length % 8, Is.Zero);
        Assert.That(file.Metadata, Is.EquivalentTo(metadata));
        Assert.That(file.Tensors.Select(t => t.Name), Is.EqualTo(tensors.Select(t => t.Name)));
        Assert.That(file.Tensors.Select(t => t.Offset), Is.EqualTo(new long[] { header.Length, header.Length + 1 }));
    }

    [Test]
    public void A_header_is_not_made_for_tensors_no_reader_would_accept()
    {
        TensorSpec good = new("a", DType.UInt8, [1]);

        AssertRefused("'a'", good, good);
        AssertRefused("'__metadata__'", good with { Name = "__metadata__" });
        AssertRefused("negative", good with { Shape = [2, -1] });

        static void AssertRefused(string expected, params TensorSpec[] tensors) =>
            Assert.That(
                () => SafetensorsHeader.Write(tensors, new Dictionary<string, string>()),
                Throws.ArgumentException.With.Message.Contains(expected));
    }

    [Test]
    public void Any_range_of_a_tensor_can_be_read_by_many_threads()
    {
        (TensorSpec, byte[])[] tensors =
            [ModelFolder.Random(1, "a", DType.UInt8, 10_000), ModelFolder.Random(2, "b", DType.UInt8, 10_000)];
        using SafetensorsFile file = WriteAndOpen(tensors);

        Parallel.For(0, 200, i =>
        {
            byte[] data = tensors[i % 2].Item2;
            byte[] read = new byte[i * 13];
            file.Read(file.Tensors[i % 2], i * 37, read);
            Assert.That(read.AsSpan().SequenceEqual(data.AsSpan(i * 37, read.Length)));
        });
    }

    [TestCase(-1, 1)]
    [TestCase(16, 1)]
    [TestCase(0, 17)]
    [TestCase(long.MaxValue, 1)]
    public void A_range_outside_the_tensor_is_a_mistake_of_the_caller(long offset, int length)
    {
        using SafetensorsFile file = WriteAndOpen(
            ModelFolder.Random(1, "a", DType.UInt8, 16), ModelFolder.Random(2, "b", DType.UInt8, 16));

        Assert.That(
            () => file.Read(file.Tensors[0], offset, new byte[length]), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void A_file_cut_after_it_was_opened_gives_a_format_error()
    {
        using SafetensorsFile file = WriteAndOpen(ModelFolder.Random(1, "a", DType.UInt8, 1_000_000));
        using (var other = new FileStream(file.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            other.SetLength(500_000);
        }

        byte[] read = new byte[1_000_000];
        CheckpointFormatException error = Assert.Throws<CheckpointFormatException>(
            () => file.Read(file.Tensors[0], 0, read))!;

        Assert.That(error.Message, Does.Contain(file.Path).And.Contain("'a'").And.Contain("shrank while being read"));
    }

    [Test]
    public void A_file_deleted_after_it_was_opened_can_still_be_read()
    {
        (TensorSpec spec, byte[] data) = ModelFolder.Random(1, "a", DType.UInt8, 1000);
        using SafetensorsFile file = WriteAndOpen((spec, data));
        File.Delete(file.Path);

        Assert.That(ReadAll(file, file.Tensors[0]), Is.EqualTo(data));
    }

    [Test]
    public void A_file_that_is_not_there_is_an_IO_error()
    {
        Assert.That(
            () => SafetensorsFile.Open(_folder["none.safetensors"]),
            Throws.TypeOf<FileNotFoundException>().With.Message.Contains("none.safetensors"));
    }

    [Test]
    public void Read_ahead_is_only_a_hint()
    {
        (TensorSpec spec, byte[] data) = ModelFolder.Random(1, "a", DType.UInt8, 100_000);
        using SafetensorsFile file = WriteAndOpen((spec, data));

        FileAdvice.WillNeed(file.Handle, file.Tensors[0].Offset, spec.ByteLength);
        FileAdvice.WillNeed(file.Handle, long.MaxValue, -5);

        Assert.That(ReadAll(file, file.Tensors[0]), Is.EqualTo(data));
    }

    [Test]
    public void Tensors_are_equal_by_value()
    {
        TensorInfo info = new("a", DType.Float32, [2, 3], 8, 24);
        TensorSpec spec = new("a", DType.Float32, [2, 3]);

        Assert.That(info with { Shape = [2, 3] }, Is.EqualTo(info));
        Assert.That((info with { Shape = [2, 3] }).GetHashCode(), Is.EqualTo(info.GetHashCode()));
        Assert.That(info with { Shape = [3, 2] }, Is.Not.EqualTo(info));
        Assert.That(spec with { Shape = [2, 3] }, Is.EqualTo(spec));
        Assert.That((spec with { Shape = [2, 3] }).GetHashCode(), Is.EqualTo(spec.GetHashCode()));
        Assert.That(spec with { Shape = [3, 2] }, Is.Not.EqualTo(spec));
    }

    private SafetensorsFile WriteAndOpen(params (TensorSpec, byte[])[] tensors)
    {
        ModelFolder.Write(_folder.Path, tensors);
        return SafetensorsFile.Open(_folder["model.safetensors"]);
    }

    private static byte[] ReadAll(SafetensorsFile file, TensorInfo tensor)
    {
        byte[] data = new byte[tensor.ByteLength];
        file.Read(tensor, 0, data);
        return data;
    }
}
