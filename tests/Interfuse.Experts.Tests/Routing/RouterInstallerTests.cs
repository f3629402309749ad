using System.Security.Cryptography;
using Interfuse.Checkpoints;
using Interfuse.Experts.Routing;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests.Routing;

public sealed class RouterInstallerTests
{
    private TempFolder _folder = null!;
    private string _pack = null!;

    [SetUp]
    public void MakePack()
    {
        _folder = new TempFolder();
        _pack = _folder["pack"];
        Write(_pack, seed: 1);
    }

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void A_pack_with_a_router_is_as_sound_as_before_and_gives_it_back()
    {
        string before = Hash("model.safetensors");
        PackRouter router = TrainFor(_pack);

        RouterInstaller.Install(_pack, router);

        AssertSoundWith(router);
        Assert.That(Hash("model.safetensors"), Is.EqualTo(before));
        using var pack = ExpertPack.Open(_pack);
        Assert.That(pack.SideFiles, Is.EqualTo(["tokenizer.json"]), "an expert takes no router along");
    }

    [Test]
    public void A_router_is_replaced_by_a_later_one()
    {
        RouterInstaller.Install(_pack, TrainFor(_pack));
        string first = Hash(PackManifest.RouterFileName);

        RouterInstaller.Install(_pack, TrainFor(_pack));
        Assert.That(Hash(PackManifest.RouterFileName), Is.EqualTo(first));
        PackRouter other = TrainFor(_pack, depth: 3);
        RouterInstaller.Install(_pack, other);

        AssertSoundWith(other);
    }

    [Test]
    public void A_pack_without_one_says_how_to_get_one()
    {
        using var pack = ExpertPack.Open(_pack);

        Assert.That(pack.HasRouter, Is.False);
        Assert.That(() => pack.OpenRouter(), Throws.TypeOf<InterfuseException>().With.Message.Contains("interfuse route train"));
    }

    [Test]
    public void A_router_of_another_pack_is_not_put_in_and_not_used()
    {
        string other = _folder["other"];
        Write(other, seed: 2);
        PackRouter router = TrainFor(other);

        Assert.That(
            () => RouterInstaller.Install(_pack, router), Throws.TypeOf<CheckpointFormatException>().With.Message.Contains("has changed"));
        Assert.That(ExpertPack.Verify(_pack).IsSound);

        // Smuggled in with all hashes right.
        RouterInstaller.Install(other, router);
        File.Copy(Path.Combine(other, PackManifest.RouterFileName), Path.Combine(_pack, PackManifest.RouterFileName));
        PackBuilder.Seal(_pack, PackManifest.Read(Path.Combine(_pack, PackManifest.FileName)));
        using var pack = ExpertPack.Open(_pack);
        Assert.That(() => pack.OpenRouter(), Throws.TypeOf<CheckpointFormatException>().With.Message.Contains("trained for another pack"));
        Assert.That(ExpertPack.Verify(_pack).Faults.Single().Reason, Does.Contain("trained for another pack"));
    }

    [Test]
    public void A_tokenizer_that_was_changed_makes_it_another_pack_and_a_card_does_not()
    {
        PackManifest manifest = PackManifest.Read(Path.Combine(_pack, PackManifest.FileName));
        string identity = PackIdentity.Of(manifest);

        PackManifest Changed(string name) => manifest with
        {
            Files = [.. manifest.Files.Select(file => file.Name == name ? file with { Sha256 = new string('1', 64) } : file)],
        };
        foreach (string name in new[] { "tokenizer.json", "config.json", "model.safetensors", "index.safetensors" })
        {
            Assert.That(PackIdentity.Of(Changed(name)), Is.Not.EqualTo(identity), name);
        }

        Assert.That(PackIdentity.Of(Changed("README.md")), Is.EqualTo(identity));
        Assert.That(PackIdentity.Of(manifest with { Experts = ["sort", "add"] }), Is.Not.EqualTo(identity));
    }

    [Test]
    public void A_bit_that_is_flipped_anywhere_in_the_router_is_found()
    {
        RouterInstaller.Install(_pack, TrainFor(_pack));
        string path = Path.Combine(_pack, PackManifest.RouterFileName);
        byte[] sound = File.ReadAllBytes(path);
        var random = new Random(4);
        for (int i = 0; i < 100; i++)
        {
            byte[] damaged = [.. sound];
            damaged[random.Next(sound.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(path, damaged);

            Assert.That(ExpertPack.Verify(_pack).Faults.Single().File, Is.EqualTo(PackManifest.RouterFileName));
            using var pack = ExpertPack.Open(_pack);
            Assert.That(() => pack.OpenRouter(), Throws.TypeOf<CheckpointFormatException>().With.Message.Contains("train the router again"));
        }
    }

    [Test]
    public void A_pack_whose_manifest_is_damaged_gets_no_router_that_would_hide_it()
    {
        PackRouter router = TrainFor(_pack);
        string manifest = Path.Combine(_pack, PackManifest.FileName);
        File.WriteAllText(manifest, File.ReadAllText(manifest).Replace("channel_merging", "channel_mergins", StringComparison.Ordinal));
        Dictionary<string, string> before = Hashes();

        Assert.That(
            () => RouterInstaller.Install(_pack, router), Throws.TypeOf<CheckpointFormatException>().With.Message.Contains("damaged"));

        Assert.That(Hashes(), Is.EqualTo(before));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void A_crash_at_any_instant_leaves_a_pack_that_opens_and_that_the_next_run_mends(bool hadRouter)
    {
        if (hadRouter)
        {
            RouterInstaller.Install(_pack, TrainFor(_pack));
        }

        PackRouter router = TrainFor(_pack, depth: 3);
        string done = _folder["done"];
        CopyFolder(_pack, done);
        RouterInstaller.Install(done, router);
        string without = _folder["without"];
        Write(without, seed: 1);
        foreach ((string name, Action<string> crash) in Crashes(hadRouter, without, done))
        {
            string crashed = _folder["crashed"];
            CopyFolder(_pack, crashed);
            crash(crashed);

            using (var pack = ExpertPack.Open(crashed))
            {
                if (pack.HasRouter)
                {
                    Assert.That(() => pack.OpenRouter(), Throws.Nothing, name);
                }
            }

            RouterInstaller.Install(crashed, router);
            Assert.That(ExpertPack.Verify(crashed).Faults, Is.Empty, name);
            using (var pack = ExpertPack.Open(crashed))
            {
                Assert.That(pack.OpenRouter().Features.Depth, Is.EqualTo(3), name);
            }

            Directory.Delete(crashed, recursive: true);
        }
    }

    [Test]
    public void A_manifest_that_is_a_step_ahead_of_its_hash_is_told_as_what_it_is()
    {
        string done = _folder["done"];
        CopyFolder(_pack, done);
        RouterInstaller.Install(done, TrainFor(_pack));
        (string _, Action<string> crash) = Crashes(hadRouter: false, _pack, done).SkipLast(1).Last();
        crash(_pack);

        PackVerification verification = ExpertPack.Verify(_pack);

        Assert.That(verification.Faults.Select(fault => fault.File), Is.EqualTo([".interfuse.lock", "pack.json", "pack.sha256.new"]));
        Assert.That(verification.Faults[1].Reason, Does.Contain("that was cut off; train the router again"));
    }

    [Test]
    public void Two_at_a_time_are_refused()
    {
        PackRouter router = TrainFor(_pack);
        using (new FileStream(Path.Combine(_pack, ".interfuse.lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None))
        {
            Assert.That(
                () => RouterInstaller.Install(_pack, router),
                Throws.TypeOf<InterfuseException>().With.Message.Contains("another process is changing this pack"));
        }

        RouterInstaller.Install(_pack, router);
        AssertSoundWith(router);
    }

    // What is on the disk after each step of the order that RouterInstaller tells of.
    private static IEnumerable<(string Name, Action<string> Crash)> Crashes(bool hadRouter, string without, string done)
    {
        const string Manifest = PackManifest.FileName;
        const string Hash = PackManifest.HashFileName;
        const string Router = PackManifest.RouterFileName;
        var steps = new List<(string Name, Action<string> Step)>
        {
            ("lock", pack => File.WriteAllText(Path.Combine(pack, ".interfuse.lock"), "")),
        };
        if (hadRouter)
        {
            steps.AddRange(Manifests(without));
        }

        steps.Add(("half a router", pack => File.WriteAllBytes(Path.Combine(pack, Router + ".new"), [1, 2, 3])));
        steps.Add((
            "router staged",
            pack => File.Copy(Path.Combine(done, Router), Path.Combine(pack, Router + ".new"), overwrite: true)));
        steps.Add(("router", pack => File.Move(Path.Combine(pack, Router + ".new"), Path.Combine(pack, Router), overwrite: true)));
        steps.AddRange(Manifests(done));
        for (int last = 0; last < steps.Count; last++)
        {
            int count = last + 1;
            yield return ($"{count}: {steps[last].Name}", pack => steps.Take(count).ToList().ForEach(step => step.Step(pack)));
        }

        static IEnumerable<(string, Action<string>)> Manifests(string from) =>
        [
            ("manifest staged", pack => File.Copy(Path.Combine(from, Manifest), Path.Combine(pack, Manifest + ".new"), overwrite: true)),
            ("hash staged", pack => File.Copy(Path.Combine(from, Hash), Path.Combine(pack, Hash + ".new"), overwrite: true)),
            ("manifest", pack => File.Move(Path.Combine(pack, Manifest + ".new"), Path.Combine(pack, Manifest), overwrite: true)),
            ("hash", pack => File.Move(Path.Combine(pack, Hash + ".new"), Path.Combine(pack, Hash), overwrite: true)),
        ];
    }

    private static void Write(string path, int seed) => new PackBuilder("add", "sort")
        .RandomGrouped(seed, "layers.0.w", DType.BFloat16, 6, 10)
        .SideFile("config.json", """{ "model_type": "llama" }""")
        .SideFile("tokenizer.json", "{}")
        .SideFile("README.md", "A pack")
        .Write(path);

    private static PackRouter TrainFor(string pack, int depth = 2) => RouterTrainer.Train(
        PackManifest.Read(Path.Combine(pack, PackManifest.FileName)), new(depth), Clouds.Samples(2, 20, 0.2), new()).Router;

    private static void CopyFolder(string source, string target)
    {
        Directory.CreateDirectory(target);
        foreach (string file in Directory.GetFiles(source))
        {
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        }
    }

    private void AssertSoundWith(PackRouter router)
    {
        Assert.That(ExpertPack.Verify(_pack).Faults, Is.Empty);
        using var pack = ExpertPack.Open(_pack);
        Assert.That(pack.HasRouter);
        Assert.That(RouterFile.Write(pack.OpenRouter()), Is.EqualTo(RouterFile.Write(router)));
    }

    private Dictionary<string, string> Hashes() =>
        Directory.GetFiles(_pack).ToDictionary(file => file, file => Hash(Path.GetFileName(file)));

    private string Hash(string name) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(_pack, name))));
}
