using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>Places where the output can't go.</summary>
public sealed class TargetMistakeTests
{
    private TempFolder _folder = null!;

    [SetUp]
    public void MakeModels()
    {
        _folder = new TempFolder();
        SmallModels.WriteThree(_folder);
        _folder.Write("recipe.yml", SmallModels.Ties);
    }

    [TearDown]
    public void DeleteModels() => _folder.Dispose();

    [TestCase("base")]
    [TestCase("expert1/inside")]
    [TestCase(".")]
    public void A_target_that_is_holds_or_lies_in_a_model_of_the_recipe(string target)
    {
        AssertRefused(ExitCode.BadInput, _folder[target], "choose another directory");
    }

    [Test]
    public void A_target_that_is_a_model_of_the_recipe_even_when_overwriting()
    {
        AssertRefused(ExitCode.BadInput, _folder["base"], "choose another directory", "--overwrite");
    }

    [Test]
    public void A_target_that_is_not_empty()
    {
        _folder.Write("out/notes.txt", "mine");

        AssertRefused(ExitCode.BadInput, _folder["out"], "exists and is not empty");
    }

    [Test]
    public void A_target_that_is_a_file()
    {
        _folder.Write("out", "mine");

        AssertRefused(ExitCode.BadInput, _folder["out"], "is a file", "--overwrite");
    }

    [Test]
    public void A_target_whose_partial_directory_is_somebody_elses()
    {
        _folder.Write("out.partial/notes.txt", "mine");

        AssertRefused(ExitCode.BadInput, _folder["out"], "move or delete it");
    }

    [Test]
    public void A_target_below_a_file()
    {
        _folder.Write("file", "mine");

        AssertRefused(ExitCode.InputOutput, _folder["file", "out"], "cannot be written to");
    }

    [Test]
    public void A_read_only_target()
    {
        using TmpfsMount disk = Mount("size=1m");
        disk.MakeReadOnly();

        AssertRefused(ExitCode.InputOutput, Path.Combine(disk.Path, "out"), "cannot be written to");
    }

    [Test]
    public void A_full_disk()
    {
        SmallModels.WriteThree(_folder, seed => [SmallModels.BFloat16(seed, "model.norm.weight", 1 << 20)]);
        using TmpfsMount disk = Mount("size=1m");

        AssertRefused(ExitCode.InputOutput, Path.Combine(disk.Path, "out"), "bytes are needed, but only");
        Assert.That(Directory.EnumerateFileSystemEntries(disk.Path), Is.Empty);
    }

    [Test]
    public void Too_little_memory()
    {
        Mistakes.AssertRefused(
            _folder,
            ExitCode.BadInput,
            ["merge", _folder["recipe.yml"], _folder["out"], "--max-memory", "10MiB"],
            "--max-memory allows 10 MiB",
            "needs at least");
    }

    private void AssertRefused(int exitCode, string target, string fragment, params string[] options)
    {
        string[] arguments = ["merge", _folder["recipe.yml"], target, .. options];
        Mistakes.AssertRefused(_folder, exitCode, arguments, Path.GetFullPath(target), fragment);
    }

    private static TmpfsMount Mount(string options)
    {
        TmpfsMount? disk = TmpfsMount.Try(options, out string reason);
        if (disk is null)
        {
            Assert.Ignore(reason);
        }

        return disk!;
    }
}
