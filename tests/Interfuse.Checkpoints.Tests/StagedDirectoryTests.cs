using Interfuse.Testing;

namespace Interfuse.Checkpoints.Tests;

public sealed class StagedDirectoryTests
{
    private TempFolder _folder = null!;

    private string Target => _folder["out"];

    private string Partial => _folder["out.partial"];

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Nothing_is_at_the_target_until_it_is_published()
    {
        using var staged = StagedDirectory.Open(Target, overwrite: false, resume: false);
        Fill(staged, "new");
        Assert.That((staged.Target, staged.Path, staged.Resumed), Is.EqualTo((Target, Partial, false)));
        Assert.That(Directory.Exists(Target), Is.False);

        staged.Publish();

        AssertOnlyTarget("new");
    }

    [Test]
    public void What_an_unfinished_run_left_can_be_cleared_away()
    {
        StagedDirectory.Clear(Target);
        Assert.That(StagedDirectory.IsBegun(Target), Is.False);
        using (var staged = StagedDirectory.Open(Target, overwrite: false, resume: false))
        {
            Fill(staged, "half");
            Assert.That(() => StagedDirectory.Clear(Target), Throws.TypeOf<InterfuseException>(), "a run is at work");
        }

        Assert.That(StagedDirectory.IsBegun(Target), Is.True);
        StagedDirectory.Clear(Target);

        Assert.That(StagedDirectory.IsBegun(Target), Is.False);
        Assert.That(Directory.EnumerateFileSystemEntries(_folder.Path), Is.Empty);
    }

    [Test]
    public void The_lock_that_a_killed_run_left_in_its_result_can_be_cleared_away()
    {
        _folder.Write("out/data", "new");
        _folder.Write("out/.interfuse.lock", "");

        StagedDirectory.Clear(Target);

        AssertOnlyTarget("new");
    }

    [Test]
    public void Folders_above_the_target_are_made_and_a_trailing_separator_is_ignored()
    {
        string target = _folder["deep", "er", "out"];
        using var staged = StagedDirectory.Open(target + Path.DirectorySeparatorChar, overwrite: false, resume: false);

        staged.Publish();

        Assert.That(Directory.Exists(target));
    }

    [Test]
    public void An_empty_directory_at_the_target_is_replaced()
    {
        Directory.CreateDirectory(Target);
        using var staged = StagedDirectory.Open(Target, overwrite: false, resume: false);
        Fill(staged, "new");

        staged.Publish();

        AssertOnlyTarget("new");
    }

    [Test]
    public void Overwriting_swaps_the_whole_directory()
    {
        _folder.Write("out/data", "old");
        _folder.Write("out/more/old", "old");
        using var staged = StagedDirectory.Open(Target, overwrite: true, resume: false);
        Fill(staged, "new");
        Assert.That(File.ReadAllText(_folder["out", "data"]), Is.EqualTo("old"));

        staged.Publish();

        AssertOnlyTarget("new");
    }

    [Test]
    public void Swapping_by_renaming_gives_the_same_as_the_system_call()
    {
        _folder.Write("out/data", "old");
        _folder.Write("out.partial/data", "new");

        DurableDirectory.SwapByRenaming(Partial, Target);

        Assert.That(File.ReadAllText(_folder["out", "data"]), Is.EqualTo("new"));
        Assert.That(File.ReadAllText(_folder["out.partial", "data"]), Is.EqualTo("old"));
        Assert.That(Directory.EnumerateFileSystemEntries(_folder.Path).Count(), Is.EqualTo(2));
    }

    [Test]
    public void Swapping_by_renaming_that_fails_leaves_the_old_state()
    {
        _folder.Write("out/data", "old");

        Assert.That(() => DurableDirectory.SwapByRenaming(Partial, Target), Throws.InstanceOf<IOException>());

        AssertOnlyTarget("old");
    }

    [Test]
    public void A_target_with_content_is_refused_unless_overwriting()
    {
        _folder.Write("out/data", "old");

        AssertRefused(overwrite: false, Target, "not empty");

        AssertOnlyTarget("old");
    }

    [Test]
    public void Content_that_came_to_the_target_meanwhile_is_not_overwritten()
    {
        using var staged = StagedDirectory.Open(Target, overwrite: false, resume: false);
        Fill(staged, "new");
        _folder.Write("out/data", "other");

        Assert.That(() => staged.Publish(), Throws.TypeOf<InterfuseException>().With.Message.Contains("not empty"));

        Assert.That(File.ReadAllText(_folder["out", "data"]), Is.EqualTo("other"));
        Assert.That(File.ReadAllText(_folder["out.partial", "data"]), Is.EqualTo("new"));
    }

    [Test]
    public void A_file_at_the_target_is_never_replaced()
    {
        _folder.Write("out", "precious");

        AssertRefused(overwrite: true, Target, "is a file");
    }

    [Test]
    public void The_current_directory_is_never_replaced()
    {
        _folder.Write("out/here/data", "precious");
        string before = Environment.CurrentDirectory;
        try
        {
            Environment.CurrentDirectory = _folder["out", "here"];

            AssertRefused(overwrite: true, Target, "current directory");
        }
        finally
        {
            Environment.CurrentDirectory = before;
        }
    }

    [Test]
    public void A_second_process_is_refused_while_the_first_is_at_work()
    {
        using (var first = StagedDirectory.Open(Target, overwrite: false, resume: false))
        {
            Fill(first, "first");

            AssertRefused(overwrite: false, Target, "another process is writing it");

            Assert.That(File.ReadAllText(_folder["out.partial", "data"]), Is.EqualTo("first"));
        }

        using var second = StagedDirectory.Open(Target, overwrite: false, resume: false);
        Assert.That(second.Resumed, Is.False);
    }

    [Test]
    public void A_directory_someone_else_made_under_the_partial_name_is_left_alone()
    {
        _folder.Write("out.partial/data", "precious");

        AssertRefused(overwrite: true, Partial, "no unfinished run left");

        Assert.That(File.ReadAllText(_folder["out.partial", "data"]), Is.EqualTo("precious"));
    }

    [Test]
    public void Discarding_leaves_nothing()
    {
        using var staged = StagedDirectory.Open(Target, overwrite: false, resume: false);
        Fill(staged, "new");

        staged.Discard();

        Assert.That(Directory.EnumerateFileSystemEntries(_folder.Path), Is.Empty);
        Assert.That(() => staged.Publish(), Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void What_was_disposed_unpublished_can_be_resumed()
    {
        using (var first = StagedDirectory.Open(Target, overwrite: false, resume: true))
        {
            Assert.That(first.Resumed, Is.False);
            Fill(first, "half");
        }

        using var second = StagedDirectory.Open(Target, overwrite: false, resume: true);

        Assert.That(second.Resumed, Is.True);
        Assert.That(File.ReadAllText(Path.Combine(second.Path, "data")), Is.EqualTo("half"));
        second.Publish();
        AssertOnlyTarget("half");
    }

    [Test]
    public void Without_resuming_an_old_partial_directory_is_emptied()
    {
        using (var first = StagedDirectory.Open(Target, overwrite: false, resume: false))
        {
            Fill(first, "half");
            Directory.CreateDirectory(Path.Combine(first.Path, "sub", "sub"));
        }

        using var second = StagedDirectory.Open(Target, overwrite: false, resume: false);

        second.Publish();
        Assert.That(Directory.EnumerateFileSystemEntries(Target), Is.Empty);
    }

    [Test]
    public void Scratch_files_are_not_published()
    {
        using var staged = StagedDirectory.Open(Target, overwrite: false, resume: false);
        Fill(staged, "new");
        File.WriteAllText(Path.Combine(staged.Path, "journal"), "1");

        staged.Publish("journal", "never-made");

        AssertOnlyTarget("new");
    }

    [Test]
    public void A_link_at_the_target_is_followed()
    {
        string real = Directory.CreateDirectory(_folder["disk", "real"]).FullName;
        Directory.CreateSymbolicLink(Target, real);
        using var staged = StagedDirectory.Open(Target, overwrite: false, resume: false);
        Fill(staged, "new");

        staged.Publish();

        Assert.That(staged.Target, Is.EqualTo(real));
        Assert.That(File.ReadAllText(_folder["out", "data"]), Is.EqualTo("new"));
        Assert.That(new DirectoryInfo(Target).LinkTarget, Is.EqualTo(real));
    }

    [Test]
    public void A_place_below_a_file_is_refused()
    {
        string file = _folder.Write("file", "");

        Assert.That(
            () => StagedDirectory.Open(Path.Combine(file, "out"), overwrite: false, resume: false),
            Throws.TypeOf<InterfuseException>().With.Message.Contains(file).And.Message.Contains("another place"));
    }

    [Test]
    public void A_read_only_disk_is_refused()
    {
        using TmpfsMount disk = Mount();
        disk.MakeReadOnly();
        string target = Path.Combine(disk.Path, "out");

        Assert.That(
            () => StagedDirectory.Open(target, overwrite: false, resume: false),
            Throws.TypeOf<InterfuseException>().With.Message.Contains(target).And.Message.Contains("Read-only"));
    }

    [Test]
    public void A_mount_point_is_refused_before_any_work()
    {
        using TmpfsMount disk = Mount();

        Assert.That(
            () => StagedDirectory.Open(disk.Path, overwrite: true, resume: false),
            Throws.TypeOf<InterfuseException>().With.Message.Contains("mount point"));
    }

    private static TmpfsMount Mount()
    {
        TmpfsMount? disk = TmpfsMount.Try("size=1m", out string reason);
        if (disk is null)
        {
            Assert.Ignore(reason);
        }

        return disk!;
    }

    private static void Fill(StagedDirectory staged, string text) =>
        File.WriteAllText(Path.Combine(staged.Path, "data"), text);

    private void AssertRefused(bool overwrite, params string[] expected)
    {
        InterfuseException error = Assert.Throws<InterfuseException>(
            () => StagedDirectory.Open(Target, overwrite, resume: true))!;
        foreach (string text in expected)
        {
            Assert.That(error.Message, Does.Contain(text));
        }
    }

    private void AssertOnlyTarget(string text)
    {
        Assert.That(Directory.EnumerateFileSystemEntries(_folder.Path), Is.EqualTo(new[] { Target }));
        Assert.That(
            Directory.EnumerateFileSystemEntries(Target, "*", SearchOption.AllDirectories),
            Is.EqualTo(new[] { Path.Combine(Target, "data") }));
        Assert.That(File.ReadAllText(Path.Combine(Target, "data")), Is.EqualTo(text));
    }
}
