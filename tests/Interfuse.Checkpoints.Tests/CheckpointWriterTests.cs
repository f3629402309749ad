using Interfuse.Testing;

namespace Interfuse.Checkpoints.Tests;

public sealed class CheckpointWriterTests
{
    private static readonly TensorSpec[] Specs =
        [new("a", DType.UInt8, [1000]), new("b", DType.UInt8, [500]), new("c", DType.UInt8, [700])];

    // Two shards: a and b, then c.
    private static readonly CheckpointLayout Layout = CheckpointLayout.Create(Specs, 1500);

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Pieces_written_by_many_threads_in_any_order_read_back_as_laid_out()
    {
        byte[][] data =
            [.. Specs.Select((spec, i) => ModelFolder.Random(i, spec.Name, DType.UInt8, spec.Shape[0]).Data)];
        using (var writer = CheckpointWriter.Create(_folder.Path, Layout))
        {
            Parallel.ForEach(
                Enumerable.Range(0, 30).Reverse(),
                work =>
                {
                    (int tensor, int piece) = Math.DivRem(work, 10);
                    int length = data[tensor].Length / 10;
                    writer.Write(tensor, piece * length, data[tensor].AsSpan(piece * length, length));
                });
            writer.Complete();
        }

        using var checkpoint = Checkpoint.Open(_folder.Path);
        for (int i = 0; i < 3; i++)
        {
            byte[] read = new byte[data[i].Length];
            Assert.That(checkpoint.Tensors[i].Info, Is.EqualTo(Layout[i].Info));
            checkpoint.Tensors[i].Read(0, read);
            Assert.That(read, Is.EqualTo(data[i]));
        }

        long bytes = Directory.EnumerateFiles(_folder.Path).Sum(file => new FileInfo(file).Length);
        Assert.That(bytes, Is.EqualTo(Layout.TotalBytes));
    }

    [Test]
    public void Shards_have_their_final_size_and_a_readable_header_from_the_start()
    {
        using var writer = CheckpointWriter.Create(_folder.Path, Layout);

        foreach (CheckpointLayout.Shard shard in Layout.Shards)
        {
            using var file = SafetensorsFile.Open(_folder[shard.FileName]);
            Assert.That(file.Tensors, Is.EqualTo(shard.Tensors));
            Assert.That(file.Metadata["format"], Is.EqualTo("pt"));
        }
    }

    [Test]
    public void Writing_can_be_resumed_and_absent_shards_are_made_anew()
    {
        using (var writer = CheckpointWriter.Create(_folder.Path, Layout))
        {
            writer.Write(1, 0, [1, 2, 3]);
            writer.FlushShard(0);
            Assert.That((writer.IsNew(0), writer.IsNew(1)), Is.EqualTo((true, true)));
        }

        File.Delete(_folder[Layout.Shards[1].FileName]);
        using (var writer = CheckpointWriter.Resume(_folder.Path, Layout))
        {
            Assert.That((writer.IsNew(0), writer.IsNew(1)), Is.EqualTo((false, true)));
            writer.Write(1, 3, [4]);
            writer.Complete();
        }

        using var checkpoint = Checkpoint.Open(_folder.Path);
        byte[] read = new byte[5];
        checkpoint.Tensors[1].Read(0, read);
        Assert.That(read, Is.EqualTo(new byte[] { 1, 2, 3, 4, 0 }));
    }

    [Test]
    public void A_shard_that_was_being_made_when_a_run_crashed_is_made_again()
    {
        string unfinished = _folder.Write(Layout.Shards[0].FileName + ".new", "half a header");

        using (var writer = CheckpointWriter.Resume(_folder.Path, Layout))
        {
            writer.Complete();
        }

        Assert.That(File.Exists(unfinished), Is.False);
        using var checkpoint = Checkpoint.Open(_folder.Path);
        Assert.That(checkpoint.Tensors, Has.Count.EqualTo(3));
    }

    [Test]
    public void Creating_replaces_what_an_earlier_run_left()
    {
        using (var writer = CheckpointWriter.Create(_folder.Path, Layout))
        {
            writer.Write(0, 0, [1, 2, 3]);
        }

        using (var writer = CheckpointWriter.Create(_folder.Path, Layout))
        {
            writer.Complete();
        }

        using var checkpoint = Checkpoint.Open(_folder.Path);
        byte[] read = new byte[3];
        checkpoint.Tensors[0].Read(0, read);
        Assert.That(read, Is.All.Zero);
    }

    [TestCase(1499)]
    [TestCase(2)]
    public void Resuming_with_shards_of_another_layout_is_refused(long otherLimit)
    {
        CheckpointLayout other = CheckpointLayout.Create(
            [.. Specs.Select(spec => spec with { Name = spec.Name + "2" })], otherLimit);
        using (CheckpointWriter.Create(_folder.Path, other))
        {
        }

        string shard = _folder[Layout.Shards[0].FileName];
        File.Move(_folder[other.Shards[0].FileName], shard, overwrite: true);

        Assert.That(
            () => CheckpointWriter.Resume(_folder.Path, Layout),
            Throws.TypeOf<CheckpointFormatException>().With.Message.Contains(shard));
    }

    [Test]
    public void Resuming_with_a_changed_header_of_the_same_length_is_refused()
    {
        using (CheckpointWriter.Create(_folder.Path, Layout))
        {
        }

        string shard = _folder[Layout.Shards[0].FileName];
        Overwrite(shard, 12, (byte)'!');

        Assert.That(
            () => CheckpointWriter.Resume(_folder.Path, Layout),
            Throws.TypeOf<CheckpointFormatException>().With.Message.Contains(shard));
    }

    [TestCase(0, -1, 1)]
    [TestCase(0, 1000, 1)]
    [TestCase(1, 0, 501)]
    public void A_range_outside_the_tensor_is_a_mistake_of_the_caller(int tensor, long offset, int length)
    {
        using var writer = CheckpointWriter.Create(_folder.Path, Layout);

        Assert.That(
            () => writer.Write(tensor, offset, new byte[length]), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void A_header_damaged_by_someone_else_is_found_on_completion()
    {
        using var writer = CheckpointWriter.Create(_folder.Path, Layout);
        string shard = _folder[Layout.Shards[1].FileName];
        byte[] header = File.ReadAllBytes(shard);
        Overwrite(shard, header.AsSpan().IndexOf("\"c\""u8) + 1, (byte)'d');

        Assert.That(
            writer.Complete, Throws.TypeOf<CheckpointFormatException>().With.Message.Contains(shard));
    }

    [Test]
    public void Nothing_can_be_written_after_completion()
    {
        using var writer = CheckpointWriter.Create(_folder.Path, Layout);
        writer.Complete();

        Assert.That(() => writer.Write(0, 0, [1]), Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void A_full_disk_is_reported_before_anything_is_written()
    {
        using TmpfsMount? disk = TmpfsMount.Try("size=1m", out string reason);
        if (disk is null)
        {
            Assert.Ignore(reason);
        }

        string directory = Path.Combine(disk!.Path, "out.partial");
        var layout = CheckpointLayout.Create([new("a", DType.UInt8, [2_000_000])], long.MaxValue);

        DiskSpaceException error = Assert.Throws<DiskSpaceException>(
            () => CheckpointWriter.Create(directory, layout))!;

        Assert.That(error.NeededBytes, Is.EqualTo(layout.TotalBytes));
        Assert.That(error.FreeBytes, Is.InRange(1, 1 << 20));
        Assert.That(
            error.Message,
            Does.Contain(directory).And.Contain($"{layout.TotalBytes}").And.Contain($"{error.FreeBytes}"));
        Assert.That(Directory.EnumerateFiles(directory), Is.Empty);
    }

    [Test]
    public void Disk_space_is_asked_of_the_nearest_folder_that_exists()
    {
        string path = _folder["not", "yet", "there"];

        Assert.That(() => DiskSpace.EnsureFree(path, 1), Throws.Nothing);
        Assert.That(
            () => DiskSpace.EnsureFree(path, long.MaxValue),
            Throws.TypeOf<DiskSpaceException>().With.Message.Contains(path));
    }

    private static void Overwrite(string path, long offset, byte value)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.Position = offset;
        file.WriteByte(value);
    }
}
