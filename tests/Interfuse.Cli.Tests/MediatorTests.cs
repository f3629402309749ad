using System.Text.Json;
using Interfuse.Checkpoints;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>A pack of Mediator from the tiny experts, as a user makes, looks at and uses it.</summary>
public sealed class MediatorTests
{
    private TempFolder _folder = null!;
    private Outcome _packed = null!;

    [OneTimeSetUp]
    public void Pack()
    {
        _folder = new TempFolder();
        _packed = CommandLine.Run("merge", Repository.PathOf("examples", "tiny-experts", "mediator.yml"), _folder["pack"]);
        Assert.That(_packed.ExitCode, Is.EqualTo(ExitCode.Ok), _packed.Error);
    }

    [OneTimeTearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void The_example_says_of_each_layer_its_conflict_what_became_of_it_and_what_that_takes_and_keeps()
    {
        Assert.That(_packed.Output, Does.StartWith("Packed 4 experts by mediator into"));
        Assert.That(_packed.Output, Does.Match(@"size +3\.88 MB, 56\.8 % of the experts' 6\.83 MB"));
        Assert.That(_packed.Output, Does.Match(@"conflict +decision +bytes +kept"));
        Assert.That(_packed.Output, Does.Match(@"model\.layers\.0 +0\.4\d\d\d +routed +1\.\d\d MB +\d\d\.\d\d %"));
        Assert.That(_packed.Output, Does.Match(@"model\.layers\.3 +0\.3\d\d\d +averaged +\d\d\d kB +\d\d\.\d\d %"));

        Outcome inspected = CommandLine.Run("inspect", _folder["pack"], "--tensors");
        Assert.That(inspected.ExitCode, Is.EqualTo(ExitCode.Ok), inspected.Error);
        Assert.That(inspected.Output, Does.Match(@"sparse +14 tensors"));
        Assert.That(inspected.Output, Does.Match(@"model\.layers\.0 +0\.4\d\d\d +routed"));
        Assert.That(inspected.Output, Does.Contain("Delta energy kept"));
    }

    [Test]
    public void Inspect_gives_the_layers_as_json()
    {
        Outcome inspected = CommandLine.Run("inspect", _folder["pack"], "--json");
        using var report = JsonDocument.Parse(inspected.Output);
        JsonElement[] layers = [.. report.RootElement.GetProperty("decided_layers").EnumerateArray()];

        Assert.That(
            layers.Select(layer => layer.GetProperty("routed").GetBoolean()), Is.EqualTo((bool[])[true, true, false, false]));
        Assert.That(layers.Select(layer => layer.GetProperty("energy_kept").GetDouble()), Is.All.InRange(0.2, 0.95));
        Assert.That(layers[0].GetProperty("bytes").GetInt64(), Is.GreaterThan(layers[3].GetProperty("bytes").GetInt64()));
    }

    [Test]
    public void It_verifies_exports_and_answers()
    {
        Outcome verified = CommandLine.Run("verify", _folder["pack"]);
        Assert.That(verified.ExitCode, Is.EqualTo(ExitCode.Ok), verified.Error);
        Outcome exported = CommandLine.Run("export", _folder["pack"], "--expert", "sort", _folder["sort"]);
        Assert.That(exported.ExitCode, Is.EqualTo(ExitCode.Ok), exported.Error);
        using (var checkpoint = Checkpoint.Open(_folder["sort"]))
        {
            Assert.That(checkpoint.Tensors, Has.Count.EqualTo(39));
        }

        string task = Repository.PathOf("examples", "tiny-experts", "tasks", "sort.jsonl");
        Outcome pack = CommandLine.Run(
            "eval", _folder["pack"], "--expert", "sort", "--task", task, "--limit", "100", "--json", "--quiet");
        Outcome model = CommandLine.Run("eval", _folder["sort"], "--task", task, "--limit", "100", "--json", "--quiet");
        Assert.That(pack.ExitCode, Is.EqualTo(ExitCode.Ok), pack.Error);
        Assert.That(Accuracy(pack.Output), Is.GreaterThan(0.9).And.EqualTo(Accuracy(model.Output)));
    }

    [Test]
    public void A_dry_run_writes_nothing()
    {
        Outcome planned = CommandLine.Run(
            "merge", Repository.PathOf("examples", "tiny-experts", "mediator.yml"), _folder["dry"], "--dry-run");

        Assert.That(planned.ExitCode, Is.EqualTo(ExitCode.Ok), planned.Error);
        Assert.That(planned.Output, Does.StartWith("Would pack 4 experts by mediator into").And.Contain("read twice"));
        Assert.That(Directory.Exists(_folder["dry"]), Is.False);
    }

    private static double Accuracy(string json)
    {
        using var report = JsonDocument.Parse(json);
        return report.RootElement.GetProperty("models")[0].GetProperty("results")[0].GetProperty("exact_match").GetDouble();
    }
}
