using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Interfuse.Checkpoints;
using Interfuse.Testing;
using static Interfuse.Experts.Tests.Refusals;

namespace Interfuse.Experts.Tests;

/// <summary>What a pack is refused for when it is opened, before any row is served.</summary>
public sealed class OpeningTests
{
    private TempFolder _folder = null!;
    private string _pack = null!;

    [SetUp]
    public void MakePack()
    {
        _folder = new TempFolder();
        _pack = _folder["pack"];
        new PackBuilder("add", "sort")
            .RandomGrouped(1, "w", DType.BFloat16, 6, 10)
            .RandomShared(3, "norm", DType.Float32, 20)
            .SideFile("config.json", "{}")
            .Write(_pack);
    }

    [TearDown]
    public void DeletePack() => _folder.Dispose();

    [Test]
    public void A_directory_that_is_no_pack_and_none_at_all_are_refused()
    {
        Assert.That(() => ExpertPack.Open(_folder.Path), Refused("has no pack.json"));
        Assert.That(() => ExpertPack.Open(_folder["nowhere"]), Refused("no such directory"));
        Assert.That(ExpertPack.IsPack(_pack), Is.True);
        Assert.That(ExpertPack.IsPack(_folder["nowhere"]), Is.False);
    }

    [TestCase("model.safetensors")]
    [TestCase("index.safetensors")]
    [TestCase("config.json")]
    public void A_missing_file_is_refused(string name)
    {
        File.Delete(Path.Combine(_pack, name));

        Assert.That(() => ExpertPack.Open(_pack), Refused(name, "missing"));
    }

    [TestCase("model.safetensors", "norm")]
    [TestCase("index.safetensors", "w")]
    public void A_truncated_file_is_refused_with_the_tensor_it_has_lost(string name, string tensor)
    {
        using (FileStream file = File.OpenWrite(Path.Combine(_pack, name)))
        {
            file.SetLength(file.Length - 1);
        }

        Assert.That(() => ExpertPack.Open(_pack), Refused(name, $"tensor '{tensor}'", "truncated"));
    }

    [Test]
    public void A_file_of_another_length_is_refused()
    {
        File.AppendAllText(Path.Combine(_pack, "config.json"), " ");

        Assert.That(() => ExpertPack.Open(_pack), Refused("config.json", "is 3 bytes long", "says 2"));
    }

    [TestCase("extra.safetensors")]
    [TestCase("index.safetensors")]
    [TestCase("config.json")]
    public void A_file_that_is_read_but_not_listed_is_refused(string name)
    {
        File.Copy(Path.Combine(_pack, "index.safetensors"), Path.Combine(_pack, "extra.safetensors"));
        Rewrite(manifest => manifest with
        {
            Files =
            [
                .. manifest.Files.Where(file => file.Name != name),
                .. name == "extra.safetensors" ? [] : (PackFileEntry[])
                [
                    new("extra.safetensors", new FileInfo(Path.Combine(_pack, "extra.safetensors")).Length, new string('0', 64)),
                ],
            ],
        });

        Assert.That(() => ExpertPack.Open(_pack), Refused($"does not list {name}"));
    }

    [TestCase(6, 0)]
    [TestCase(11, int.MaxValue)]
    [TestCase(0, -1)]
    public void A_table_that_leads_outside_its_bank_is_refused(int place, int row)
    {
        PackTensorEntry entry;
        using (var pack = ExpertPack.Open(_pack))
        {
            entry = pack.FindTensor("w").Entry;
            row = row == 0 ? (int)pack.FindTensor("w").BankRows : row;
        }

        string index = Path.Combine(_pack, "index.safetensors");
        byte[] bytes = File.ReadAllBytes(index);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(bytes.Length - ((12 - place) * sizeof(int))), row);
        File.WriteAllBytes(index, bytes);

        string expert = place < entry.Shape[0] ? "add" : "sort";
        Assert.That(
            () => ExpertPack.Open(_pack),
            Refused("index.safetensors", "tensor 'w'", $"row {place % 6} of the expert '{expert}' to row {row} of a bank of"));
    }

    [Test]
    public void A_wrong_entry_is_found_anywhere_in_a_table([Values(1, 7, 64, 1001)] int rows)
    {
        for (int place = 0; place < rows; place += Math.Max(1, rows / 50))
        {
            int[] table = new int[rows];
            table[place] = 1;
            unsafe
            {
                fixed (int* first = table)
                {
                    Assert.That(Schemes.TableScan.FirstOutside((byte*)first, rows, 1), Is.EqualTo(place));
                    Assert.That(Schemes.TableScan.FirstOutside((byte*)first, rows, 2), Is.EqualTo(-1));
                }
            }
        }
    }

    [Test]
    public void Tensors_that_are_not_what_the_manifest_says_are_refused()
    {
        AssertRefused("w", entry => entry with { Dtype = "F16" }, "is of type BF16", "says F16");
        AssertRefused("w", entry => entry with { Shape = [6, 11] }, "a bank of [R, 11]");
        AssertRefused("w", entry => entry with { Shape = [5, 10] }, "a table of I32 [2, 5]", "I32 [2, 6]");
        AssertRefused("w", entry => entry with { Scheme = "shared" }, "tensor 'w'");
        AssertRefused("w", entry => entry with { Name = "v" }, "tensor 'v'", "is listed, but not in");
        AssertRefused("norm", entry => entry with { Shape = [4, 5] }, "has the shape [20]", "says [4, 5]");
        AssertRefused("norm", entry => entry with { Scheme = "grouped" }, "tensor 'norm'");
    }

    [Test]
    public void A_tensor_that_nothing_lists_is_refused()
    {
        Rewrite(manifest => manifest with { Tensors = [.. manifest.Tensors.Where(tensor => tensor.Name != "norm")] });

        Assert.That(() => ExpertPack.Open(_pack), Refused("tensor 'norm'", "has no use"));
    }

    [Test]
    public void An_expert_that_the_tables_do_not_have_is_refused()
    {
        Rewrite(manifest => manifest with { Experts = ["add", "sort", "reverse"] });

        Assert.That(() => ExpertPack.Open(_pack), Refused("tensor 'w'", "a table of I32 [3, 6]"));
    }

    [Test]
    [Platform("Linux")]
    public void Opening_four_gigabytes_takes_next_to_no_memory()
    {
        string large = _folder["large"];
        const int Layers = 32;
        const long Rows = 8192;
        const long Columns = 4096;
        string[] experts = ["a", "b", "c", "d"];
        TensorSpec[] banks =
        [
            .. Enumerable.Range(0, Layers).Select(layer =>
                new TensorSpec($"model.layers.{layer}.w", DType.BFloat16, [2 * Rows, Columns])),
        ];
        WriteSparse(Path.Combine(large, "model.safetensors"), banks);
        WriteSparse(
            Path.Combine(large, "index.safetensors"),
            [.. banks.Select(bank => new TensorSpec(bank.Name, DType.Int32, [experts.Length, Rows]))]);
        PackBuilder.Seal(
            large,
            new PackManifest(
                "channel_merging", experts, Layers * Rows * Columns * 2 * experts.Length,
                [.. banks.Select(bank => new PackTensorEntry(bank.Name, "grouped", "BF16", [Rows, Columns]))], []),
            hashed: false);

        long before = AnonymousMemory();
        long begin = Stopwatch.GetTimestamp();
        using var pack = ExpertPack.Open(large);
        TimeSpan time = Stopwatch.GetElapsedTime(begin);
        long memory = AnonymousMemory() - before;

        TestContext.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{pack.Tensors.Sum(tensor => tensor.StoredBytes)} bytes opened in {time.TotalMilliseconds:0.0} ms, {memory} bytes"));
        byte[] row = new byte[Columns * 2];
        pack.Rows(pack.Tensors[^1], 3, Rows - 1, row);
        Assert.That(row, Is.All.Zero);
        Assert.That(memory, Is.LessThan(50_000_000));
    }

    private static void WriteSparse(string path, TensorSpec[] tensors)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using FileStream file = File.Create(path);
        file.Write(SafetensorsHeader.Write(tensors, new Dictionary<string, string>()));
        file.SetLength(file.Length + tensors.Sum(tensor => tensor.ByteLength));
    }

    // What belongs to this process alone: not the pages of mapped files.
    private static long AnonymousMemory()
    {
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("RssAnon:", StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture);
    }

    private void AssertRefused(string tensor, Func<PackTensorEntry, PackTensorEntry> change, params string[] words)
    {
        byte[] manifest = File.ReadAllBytes(Path.Combine(_pack, PackManifest.FileName));
        Rewrite(sound => sound with
        {
            Tensors = [.. sound.Tensors.Select(entry => entry.Name == tensor ? change(entry) : entry)],
        });

        Assert.That(() => ExpertPack.Open(_pack), Refused(words));
        PackBuilder.WriteManifest(_pack, manifest);
    }

    private void Rewrite(Func<PackManifest, PackManifest> change) => PackBuilder.WriteManifest(
        _pack, change(PackManifest.Read(Path.Combine(_pack, PackManifest.FileName))).ToUtf8Bytes());
}
