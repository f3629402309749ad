using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>The tiny experts as one task vector with masks, as a user makes it.</summary>
public sealed class EmrMergingTests
{
    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void The_example_takes_little_more_than_half_and_its_experts_still_answer()
    {
        string example = Repository.PathOf("examples", "tiny-experts", "emr_merging.yml");
        Outcome packed = CommandLine.Run("merge", example, _folder["pack"]);
        Assert.That(packed.ExitCode, Is.EqualTo(ExitCode.Ok), packed.Error);
        Assert.That(packed.Output, Does.StartWith("Packed 4 experts by emr_merging into")
            .And.Match(@"size +3\.\d+ MB, 57\.\d % of the experts' 6\.83 MB")
            .And.Contain("77.2 % of the experts' delta energy kept"));

        Outcome inspected = CommandLine.Run("inspect", _folder["pack"]);
        Assert.That(inspected.ExitCode, Is.EqualTo(ExitCode.Ok), inspected.Error);
        Assert.That(inspected.Output, Does.Match(@"masked +28 tensors"));

        Outcome verified = CommandLine.Run("verify", _folder["pack"]);
        Assert.That(verified.ExitCode, Is.EqualTo(ExitCode.Ok), verified.Error);

        Outcome asked = CommandLine.Run("generate", _folder["pack"], "--expert", "reverse", "--prompt", "reverse planet=");
        Assert.That(asked.ExitCode, Is.EqualTo(ExitCode.Ok), asked.Error);
        Assert.That(asked.Output, Does.Contain("tenalp"));
    }
}
