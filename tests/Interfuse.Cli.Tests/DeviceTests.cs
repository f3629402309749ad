using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary><c>merge --device</c>: the same bytes on any device, and plain words where there is none.</summary>
public sealed class DeviceTests
{
    private TempFolder _folder = null!;
    private string _recipe = "";

    [SetUp]
    public void MakeModels()
    {
        _folder = new TempFolder();
        SmallModels.WriteThree(_folder, seed =>
        [
            SmallModels.BFloat16(seed, "model.layers.0.mlp.up_proj.weight", 641, 523),
            SmallModels.BFloat16(seed, "model.norm.weight", 131),
        ]);
        _recipe = _folder.Write("ties.yml", SmallModels.Ties);
    }

    [TearDown]
    public void DeleteModels() => _folder.Dispose();

    [Test]
    public void The_software_device_changes_no_byte_and_is_named_in_the_result()
    {
        RequireSoftware();
        CommandLine.Run("merge", _recipe, _folder["cpu"], "--quiet");

        Outcome outcome = CommandLine.Run("merge", _recipe, _folder["software"], "--device", "software");

        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok), outcome.Error);
        Assert.That(outcome.Output, Does.Match(@"device +\S.*software"));
        Assert.That(SmallModels.Hashes(_folder["software"]), Is.EqualTo(SmallModels.Hashes(_folder["cpu"])));
    }

    [Test]
    public void Without_a_device_named_the_processor_computes()
    {
        Outcome outcome = CommandLine.Run("merge", _recipe, _folder["out"], "--json");

        Assert.That(outcome.Json.GetProperty("device").GetString(), Does.StartWith("CPU ("));
    }

    [Test]
    public void Auto_says_what_it_chose_and_why_and_never_chooses_the_software_device()
    {
        Outcome outcome = CommandLine.Run("merge", _recipe, _folder["out"], "--device", "auto");

        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok), outcome.Error);
        Assert.That(outcome.ErrorLines[0], Does.StartWith("device: ").And.Contain(", since "));
        Assert.That(outcome.ErrorLines[0], Does.Not.Contain("software"));
    }

    [Test]
    public void A_driver_that_is_not_there_ends_in_the_reason_and_nothing_written()
    {
        // Where there is a GPU it is hidden from the process.
        Outcome outcome = CommandLine.RunWith(
            [("CUDA_VISIBLE_DEVICES", "-1")], "merge", _recipe, _folder["out"], "--device", "cuda");

        Mistakes.AssertMistake(outcome, ExitCode.Device, "device cuda can't be used: ");
        Assert.That(Directory.Exists(_folder["out"]), Is.False);
    }

    [TestCase("alloc:2", "CUDA")]
    [TestCase("copy:5", "cuMemcpy")]
    [TestCase("launch:3", "cuLaunchKernel")]
    [TestCase("lost:60", "CUDA_ERROR_DEVICE_UNAVAILABLE")]
    public void A_device_that_fails_ends_in_one_line_and_nothing_half_written(string fault, string name)
    {
        RequireSoftware();
        string[] before = Directory.GetFileSystemEntries(_folder.Path);

        // Of several threads another may be the first to say that the device is gone.
        Outcome outcome = CommandLine.RunWith(
            [("INTERFUSE_SOFTWARE_FAULT", fault)],
            "merge", _recipe, _folder["out"], "--device", "software", "--threads", "1");

        // The driver may say a line of its own before.
        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Device), outcome.Error);
        Assert.That(outcome.ErrorLines[^1], Does.StartWith("error: ").And.Contain(name).And.Not.Contain("Exception"));
        Assert.That(outcome.Output, Is.Empty);
        Assert.That(Directory.GetFileSystemEntries(_folder.Path), Is.EquivalentTo(before));
    }

    [Test]
    public void A_model_answers_and_is_evaluated_on_the_software_device_as_on_the_processor()
    {
        RequireSoftware();
        string model = TinyExperts.PathOf("add");
        string[] samples = [.. File.ReadLines(TinyExperts.TaskPath("add")).Take(2)];
        string task = _folder.Write("two.jsonl", string.Join('\n', samples) + "\n");
        string[] answer = ["generate", model, "--prompt", "add 58+67=", "--max-tokens", "12", "--quiet"];
        string[] evaluation = ["eval", model, "--task", task, "--max-tokens", "12", "--json"];

        Outcome answered = CommandLine.Run([.. answer, "--device", "software"]);
        Outcome evaluated = CommandLine.Run([.. evaluation, "--device", "software"]);

        Assert.That(answered.ExitCode, Is.EqualTo(ExitCode.Ok), answered.Error);
        Assert.That(answered.Output, Is.EqualTo(CommandLine.Run(answer).Output).And.EqualTo("125\n"));
        Assert.That(evaluated.ExitCode, Is.EqualTo(ExitCode.Ok), evaluated.Error);
        Assert.That(evaluated.Json.GetProperty("device").GetString(), Does.Contain("software"));
        Assert.That(
            evaluated.Json.GetProperty("models").GetRawText(),
            Is.EqualTo(CommandLine.Run(evaluation).Json.GetProperty("models").GetRawText()));
    }

    // Asking where the driver is also tells the commands that the tests start.
    private static void RequireSoftware()
    {
        if (CudaLibraries.SoftwareMissing is { } reason)
        {
            Assert.That(CudaLibraries.SoftwareRequired, Is.False, reason);
            Assert.Ignore($"not run: {reason}");
        }
    }
}
