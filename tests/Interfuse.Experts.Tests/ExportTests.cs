using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests;

public sealed class ExportTests
{
    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [TestCase(long.MaxValue, 1)]
    [TestCase(400, 2)]
    public void Every_expert_comes_back_as_a_model_of_its_own(long shardSize, int leastFiles)
    {
        PackBuilder builder = ReadingTests.RandomPack(seed: 3)
            .SideFile("config.json", """{ "model_type": "llama" }""")
            .SideFile("tokenizer.json", "{ }")
            .SideFile("README.md", "About the pack.");
        builder.Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);
        for (int expert = 0; expert < pack.Experts.Count; expert++)
        {
            string target = _folder["out", $"{expert}"];

            PackExportResult result = PackExport.Run(
                pack, expert, target, new PackExportOptions { ShardSize = shardSize });

            using var model = Checkpoint.Open(target);
            Assert.That(model.Tensors.Select(tensor => tensor.Name), Is.EquivalentTo(pack.Tensors.Select(tensor => tensor.Name)));
            foreach (CheckpointTensor tensor in model.Tensors)
            {
                byte[] bytes = new byte[tensor.ByteLength];
                tensor.Read(0, bytes);
                Assert.That(bytes, Is.EqualTo(builder.Expected[(tensor.Name, expert)]), tensor.Name);
                Assert.That(tensor.Shape, Is.EqualTo(pack.FindTensor(tensor.Name).Shape));
            }

            Assert.That(model.SideFiles, Is.EqualTo(["tokenizer.json"]));
            Assert.That(
                File.ReadAllBytes(Path.Combine(target, "config.json")),
                Is.EqualTo(File.ReadAllBytes(_folder["pack", "config.json"])));
            Assert.That(File.Exists(Path.Combine(target, "README.md")), Is.False);
            Assert.That(result.Files, Is.EqualTo(Directory.GetFiles(target, "*.safetensors").Length).And.AtLeast(leastFiles));
            Assert.That(result.Bytes, Is.EqualTo(model.WeightBytes));
        }

        Assert.That(Directory.GetDirectories(_folder["out"]), Has.Length.EqualTo(pack.Experts.Count));
    }

    [Test]
    public void A_mixture_comes_back_as_a_model_of_its_own_that_says_what_it_is()
    {
        float[] bank = [.. Enumerable.Range(0, 4 * 5001).Select(i => MathF.Sin(i))];
        new PackBuilder("math", "code")
            .Grouped(
                new TensorSpec("w", DType.Float32, [2, 5001]), MemoryMarshal.AsBytes<float>(bank).ToArray(), [0, 1, 2, 3])
            .RandomShared(1, "norm", DType.BFloat16, 5)
            .SideFile("config.json", """{ "model_type": "llama" }""")
            .SideFile("README.md", "About the pack.")
            .Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);

        PackExport.Run(pack, pack.FindMix("code=0.3,math=0.7"), _folder["mixed"], new PackExportOptions());
        PackExport.Run(pack, ExpertMix.Shared, _folder["shared"], new PackExportOptions());

        AssertSum(_folder["mixed"], 0.7f, 0.3f);
        AssertSum(_folder["shared"], 0.5f, 0.5f);
        Assert.That(
            File.ReadAllText(_folder["mixed", "README.md"]),
            Does.Contain("# A mixture of experts").And.Contain("| math | 0.7 |\n| code | 0.3 |\n").And.Contain("channel_merging"));
        Assert.That(File.ReadAllText(_folder["shared", "README.md"]), Does.Contain("# The shared model").And.Contain("math, code"));

        void AssertSum(string directory, float math, float code)
        {
            using var model = Checkpoint.Open(directory);
            byte[] bytes = new byte[2 * 5001 * sizeof(float)];
            model.Tensors.Single(tensor => tensor.Name == "w").Read(0, bytes);
            float[] expected = [.. Enumerable.Range(0, 2 * 5001).Select(i =>
            {
                float first = math * bank[i];
                float second = code * bank[(2 * 5001) + i];
                return first + second;
            })];
            Assert.That(MemoryMarshal.Cast<byte, float>(bytes).ToArray(), Is.EqualTo(expected));
            byte[] norm = new byte[10];
            model.Tensors.Single(tensor => tensor.Name == "norm").Read(0, norm);
            Assert.That(norm, Is.EqualTo(ReadingTests.Whole(pack, pack.FindTensor("norm"), 0)), "what is shared is as it is");
        }
    }

    [Test]
    public void Experts_that_can_not_be_mixed_leave_nothing_behind()
    {
        byte[] bank = [.. Enumerable.Range(0, 2 * 8 * sizeof(int)).Select(i => (byte)i)];
        new PackBuilder("a", "b").Grouped(new TensorSpec("w", DType.Int32, [1, 8]), bank, [0, 1]).Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);

        Assert.That(
            () => PackExport.Run(pack, ExpertMix.Shared, _folder["out"], new PackExportOptions()),
            Throws.TypeOf<InterfuseException>().With.Message.Contains("'w' is of I32, which can't be added up"));
        Assert.That(
            () => PackExport.Run(pack, ExpertMix.Of(2), _folder["out"], new PackExportOptions()),
            Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(Directory.GetFileSystemEntries(_folder.Path), Is.EqualTo([_folder["pack"]]));
    }

    [Test]
    public void A_tensor_of_many_parts_comes_back()
    {
        PackBuilder builder = new PackBuilder("a", "b").RandomGrouped(1, "w", DType.BFloat16, 1000, 5001);
        builder.Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);

        PackExport.Run(pack, 1, _folder["out"], new PackExportOptions());

        using var model = Checkpoint.Open(_folder["out"]);
        byte[] bytes = new byte[model.WeightBytes];
        model.Tensors[0].Read(0, bytes);
        Assert.That(bytes.AsSpan().SequenceEqual(builder.Expected[("w", 1)]));
    }

    [Test]
    public void A_target_is_replaced_only_when_asked_for_and_never_when_it_is_a_pack()
    {
        new PackBuilder("a").RandomShared(1, "w", DType.Float32, 2).Write(_folder["pack"]);
        _folder.Write("out/precious.txt", "");
        using var pack = ExpertPack.Open(_folder["pack"]);
        var overwrite = new PackExportOptions { Overwrite = true };

        Assert.Multiple(() =>
        {
            Assert.That(
                () => PackExport.Run(pack, 0, _folder["out"], new PackExportOptions()),
                Throws.TypeOf<InterfuseException>().With.Message.Contains("not empty"));
            Assert.That(
                () => PackExport.Run(pack, 0, _folder["pack"], overwrite),
                Throws.TypeOf<InterfuseException>().With.Message.Contains("expert pack"));
            Assert.That(
                () => PackExport.Run(pack, 0, _folder["pack", "inside"], overwrite),
                Throws.TypeOf<InterfuseException>().With.Message.Contains("within"));
            Assert.That(
                () => PackExport.Run(pack, 0, _folder.Path, overwrite),
                Throws.TypeOf<InterfuseException>().With.Message.Contains("holds it"));
        });
        Assert.That(ExpertPack.Verify(_folder["pack"]).Faults, Is.Empty);
        Assert.That(File.Exists(_folder["out", "precious.txt"]));

        PackExport.Run(pack, 0, _folder["out"], overwrite);

        Assert.That(Directory.GetFileSystemEntries(_folder["out"]), Is.EqualTo([_folder["out", "model.safetensors"]]));
    }

    [Test]
    public void An_export_that_is_stopped_leaves_nothing()
    {
        new PackBuilder("a").RandomShared(1, "w", DType.Float32, 2).Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);
        using var stop = new CancellationTokenSource();
        stop.Cancel();

        Assert.That(
            () => PackExport.Run(pack, 0, _folder["out"], new PackExportOptions(), progress: null, stop.Token),
            Throws.InstanceOf<OperationCanceledException>());

        Assert.That(Directory.GetFileSystemEntries(_folder.Path), Is.EqualTo([_folder["pack"]]));
    }
}
