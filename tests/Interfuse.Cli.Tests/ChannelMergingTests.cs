using Interfuse.Checkpoints;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>From the tiny experts to a pack and back, as a user does it.</summary>
public sealed class ChannelMergingTests
{
    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void An_expert_comes_out_of_a_pack_as_it_went_in_when_nothing_is_shared()
    {
        Outcome packed = CommandLine.Run("merge", Recipe("groups: 4, share_within: 0"), _folder["pack"]);
        Assert.That(packed.ExitCode, Is.EqualTo(ExitCode.Ok), packed.Error);
        Assert.That(packed.Output, Does.StartWith("Packed 4 experts by channel_merging into")
            .And.Contain("100.0 % of the experts' delta energy kept"));

        Outcome verified = CommandLine.Run("verify", _folder["pack"]);
        Assert.That(verified.ExitCode, Is.EqualTo(ExitCode.Ok), verified.Error);
        Outcome exported = CommandLine.Run("export", _folder["pack"], "--expert", "ciphers", _folder["cipher"]);
        Assert.That(exported.ExitCode, Is.EqualTo(ExitCode.Ok), exported.Error);
        Assert.That(Tensors(_folder["cipher"]), Is.EqualTo(Tensors(Repository.PathOf("examples", "tiny-experts", "cipher"))));
    }

    [Test]
    public void Two_groups_of_four_experts_take_little_more_than_half()
    {
        string example = Repository.PathOf("examples", "tiny-experts", "channel_merging.yml");
        Outcome packed = CommandLine.Run("merge", example, _folder["pack"]);

        Assert.That(packed.ExitCode, Is.EqualTo(ExitCode.Ok), packed.Error);
        Assert.That(packed.Output, Does.Match(@"size +3\.\d+ MB, 52\.\d % of the experts' 6\.83 MB"));
    }

    [Test]
    public void A_dry_run_writes_nothing()
    {
        Outcome planned = CommandLine.Run("merge", Recipe("budget: 0.6"), _folder["pack"], "--dry-run");

        Assert.That(planned.ExitCode, Is.EqualTo(ExitCode.Ok), planned.Error);
        Assert.That(planned.Output, Does.StartWith("Would pack 4 experts by channel_merging into"));
        Assert.That(Directory.Exists(_folder["pack"]), Is.False);
    }

    private string Recipe(string parameters)
    {
        string Path(string model) => Repository.PathOf("examples", "tiny-experts", model);
        return _folder.Write(
            "recipe.yml",
            $$"""
            merge_method: channel_merging
            base_model: {{Path("base")}}
            models:
              - model: {{Path("add")}}
              - { model: {{Path("cipher")}}, name: ciphers }
              - model: {{Path("reverse")}}
              - model: {{Path("sort")}}
            parameters: { {{parameters}} }
            """);
    }

    private static Dictionary<string, byte[]> Tensors(string model)
    {
        using var checkpoint = Checkpoint.Open(model);
        return checkpoint.Tensors.ToDictionary(tensor => tensor.Name, tensor =>
        {
            byte[] bytes = new byte[tensor.ByteLength];
            tensor.Read(0, bytes);
            return bytes;
        });
    }
}
