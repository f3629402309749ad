using Interfuse.Checkpoints;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests;

public sealed class VerificationTests
{
    private TempFolder _folder = null!;
    private string _pack = null!;

    [SetUp]
    public void MakePack()
    {
        _folder = new TempFolder();
        _pack = _folder["pack"];
        new PackBuilder("add", "sort") { MaxShardBytes = 300 }
            .RandomGrouped(1, "layers.0.w", DType.BFloat16, 6, 10)
            .RandomGrouped(2, "layers.1.w", DType.BFloat16, 6, 10)
            .RandomShared(3, "norm", DType.Float32, 20)
            .SideFile("config.json", """{ "model_type": "llama" }""")
            .SideFile("tokenizer.json", "{}")
            .Write(_pack);
    }

    [TearDown]
    public void DeletePack() => _folder.Dispose();

    [Test]
    public void A_sound_pack_is_hashed_whole()
    {
        var progress = new LastReport();

        PackVerification verification = ExpertPack.Verify(_pack, progress);

        string[] files = Directory.GetFiles(_pack);
        Assert.Multiple(() =>
        {
            Assert.That(verification.Faults, Is.Empty);
            Assert.That(verification.IsSound);
            Assert.That(verification.Files, Is.EqualTo(files.Length));
            Assert.That(verification.Bytes, Is.EqualTo(files.Sum(file => new FileInfo(file).Length)));
            Assert.That(progress.Highest, Is.EqualTo(verification.Bytes));
        });
    }

    [Test]
    public void A_bit_that_is_flipped_anywhere_is_found()
    {
        var random = new Random(4);
        foreach (string path in Directory.GetFiles(_pack))
        {
            byte[] sound = File.ReadAllBytes(path);

            // Every bit of the small files that tell about the others, many of each of the others.
            bool isSmall = Path.GetFileName(path) is PackManifest.HashFileName or "config.json" or "tokenizer.json";
            IEnumerable<int> bits = isSmall
                ? Enumerable.Range(0, sound.Length * 8)
                : Enumerable.Range(0, 32).Select(bit => bit * 8).Concat(
                    Enumerable.Range(0, 80).Select(_ => random.Next(sound.Length * 8)));
            foreach (int bit in bits.Where(bit => bit < sound.Length * 8))
            {
                byte[] damaged = [.. sound];
                damaged[bit / 8] ^= (byte)(1 << (bit % 8));
                File.WriteAllBytes(path, damaged);

                PackVerification verification = ExpertPack.Verify(_pack);

                Assert.That(verification.IsSound, Is.False, $"{Path.GetFileName(path)}, bit {bit}");
                string blamed = Path.GetFileName(path) == PackManifest.HashFileName
                    ? PackManifest.FileName
                    : Path.GetFileName(path);
                Assert.That(verification.Faults.Select(fault => fault.File), Has.Member(blamed), $"bit {bit}");
            }

            File.WriteAllBytes(path, sound);
        }

        Assert.That(ExpertPack.Verify(_pack).IsSound);
    }

    [Test]
    public void What_is_missing_cut_or_not_listed_is_told_file_by_file()
    {
        File.Delete(Path.Combine(_pack, "tokenizer.json"));
        File.AppendAllText(Path.Combine(_pack, "config.json"), " ");
        File.WriteAllText(Path.Combine(_pack, "extra.py"), "");
        Directory.CreateDirectory(Path.Combine(_pack, "folder"));

        PackVerification verification = ExpertPack.Verify(_pack);

        Assert.That(
            verification.Faults.Select(fault => $"{fault.File} {fault.Reason.Split(',', ';')[0]}"),
            Is.EqualTo([
                "config.json is 26 bytes long", "extra.py is not listed in pack.json", "folder is not listed in pack.json",
                "tokenizer.json is missing",
            ]));
    }

    [TestCase("")]
    [TestCase("0000")]
    public void A_hash_of_the_manifest_that_is_cut_is_a_fault(string text)
    {
        File.WriteAllText(Path.Combine(_pack, PackManifest.HashFileName), text);

        Assert.That(ExpertPack.Verify(_pack).Faults.Single().File, Is.EqualTo(PackManifest.HashFileName));
    }

    [Test]
    public void A_hash_of_the_manifest_that_is_missing_is_a_fault()
    {
        File.Delete(Path.Combine(_pack, PackManifest.HashFileName));

        PackFault fault = ExpertPack.Verify(_pack).Faults.Single();

        Assert.That((fault.File, fault.Reason), Is.EqualTo(
            (PackManifest.HashFileName, "is missing; copy the pack again, or make it again")));
    }

    [Test]
    public void A_pack_that_was_made_wrong_is_a_fault_though_every_hash_is_right()
    {
        PackManifest manifest = PackManifest.Read(Path.Combine(_pack, PackManifest.FileName));
        PackBuilder.Seal(_pack, manifest with { Tensors = [.. manifest.Tensors.Skip(1)] });

        Assert.That(ExpertPack.Verify(_pack).Faults.Single().Reason, Does.Contain("layers.0.w").And.Contain("no use"));
    }

    [Test]
    public void Verifying_can_be_stopped()
    {
        using var stop = new CancellationTokenSource();
        stop.Cancel();

        Assert.That(
            () => ExpertPack.Verify(_pack, progress: null, stop.Token), Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void What_is_no_pack_is_refused()
    {
        Assert.That(
            () => ExpertPack.Verify(_folder.Path), Throws.TypeOf<CheckpointFormatException>().With.Message.Contains("pack.json"));
    }

    private sealed class LastReport : IProgress<long>
    {
        private long _highest;

        public long Highest => _highest;

        public void Report(long value)
        {
            lock (this)
            {
                _highest = Math.Max(_highest, value);
            }
        }
    }
}
