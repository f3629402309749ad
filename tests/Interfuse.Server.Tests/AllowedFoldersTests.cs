using System.Diagnostics;
using Interfuse.Server.Engine;
using Interfuse.Testing;

namespace Interfuse.Server.Tests;

/// <summary>Paths that clients name lead into the allowed folders or nowhere.</summary>
[Platform("Linux", Reason = "makes symbolic links and pipes")]
public sealed class AllowedFoldersTests
{
    private TempFolder _folder = null!;
    private AllowedFolders _allowed = null!;

    [SetUp]
    public void MakeFolders()
    {
        _folder = new TempFolder();
        _folder.Write("models/llama/config.json", "{}");
        _folder.Write("models/notes.txt", "notes");
        _folder.Write("more/qwen/config.json", "{}");
        _folder.Write("secret/config.json", "{}");
        _folder.Write("models-of-others/x/config.json", "{}");
        _allowed = new AllowedFolders([_folder["models"], _folder["more"]]);
    }

    [TearDown]
    public void DeleteFolders() => _folder.Dispose();

    [TestCase("llama", "models/llama")]
    [TestCase("llama/", "models/llama")]
    [TestCase("./llama", "models/llama")]
    [TestCase("qwen", "more/qwen")]
    [TestCase(".", "models")]
    public void A_relative_path_is_one_of_the_first_folder_that_has_it(string path, string expected)
    {
        Assert.That(_allowed.DirectoryAt(path), Is.EqualTo(_folder[expected]));
    }

    [Test]
    public void An_absolute_path_inside_is_taken()
    {
        Assert.That(_allowed.DirectoryAt(_folder["more", "qwen"]), Is.EqualTo(_folder["more", "qwen"]));
        Assert.That(_allowed.FileAt(_folder["models", "notes.txt"]), Is.EqualTo(_folder["models", "notes.txt"]));
    }

    [TestCase("../secret")]
    [TestCase("llama/../../secret")]
    [TestCase("llama/..")]
    [TestCase("..\\secret")]
    [TestCase("..")]
    [TestCase("")]
    [TestCase("llama\0")]
    [TestCase("lla\nma")]
    [TestCase("/etc")]
    [TestCase("/")]
    [TestCase("absent")]
    [TestCase("notes.txt", Description = "a file, not a folder")]
    public void Every_other_path_is_refused_without_telling_a_path(string path)
    {
        var refused = Assert.Throws<EngineException>(() => _allowed.DirectoryAt(path));

        Assert.That(refused.Fault, Is.EqualTo(EngineFault.BadRequest));
        Assert.That(refused.Message, Does.Not.Contain(_folder.Path).And.Not.Contain("secret").And.Not.Contain("/etc"));
    }

    [Test]
    public void A_path_too_long_is_refused()
    {
        Assert.That(() => _allowed.DirectoryAt(new string('a', 5000)), Throws.TypeOf<EngineException>());
    }

    [Test]
    public void A_neighbour_whose_name_begins_alike_is_outside()
    {
        Assert.That(() => _allowed.DirectoryAt(_folder["models-of-others", "x"]), Throws.TypeOf<EngineException>());
    }

    [Test]
    public void What_is_outside_and_what_is_not_there_are_told_alike()
    {
        var outside = Assert.Throws<EngineException>(() => _allowed.DirectoryAt(_folder["secret"]));
        var absent = Assert.Throws<EngineException>(() => _allowed.DirectoryAt(_folder["absent"]));

        Assert.That(outside.Message, Is.EqualTo(absent.Message));
    }

    [Test]
    public void A_link_that_stays_inside_is_followed_to_its_end()
    {
        Directory.CreateSymbolicLink(_folder["models", "second"], "first");
        Directory.CreateSymbolicLink(_folder["models", "first"], _folder["more"]);

        Assert.That(_allowed.DirectoryAt("second/qwen"), Is.EqualTo(_folder["more", "qwen"]));
    }

    [Test]
    public void A_link_that_leads_out_is_refused_wherever_it_stands()
    {
        Directory.CreateSymbolicLink(_folder["models", "out"], _folder["secret"]);
        Directory.CreateSymbolicLink(_folder["models", "up"], "..");
        Directory.CreateSymbolicLink(_folder["models", "loop"], "loop");
        _folder.Write("models/mixed/config.json", "{}");
        File.CreateSymbolicLink(_folder["models", "mixed", "model.safetensors"], _folder["secret", "config.json"]);
        File.CreateSymbolicLink(_folder["models", "file"], _folder["secret", "config.json"]);

        Assert.Multiple(() =>
        {
            foreach (string path in new[] { "out", "up/secret", "loop", "loop/x", "mixed" })
            {
                Assert.That(() => _allowed.DirectoryAt(path), Throws.TypeOf<EngineException>(), path);
            }

            Assert.That(() => _allowed.FileAt("file"), Throws.TypeOf<EngineException>());
            Assert.That(() => _allowed.NewDirectoryAt("out/new"), Throws.TypeOf<EngineException>());
            Assert.That(() => _allowed.NewDirectoryAt("up/new"), Throws.TypeOf<EngineException>());
        });
    }

    [Test]
    public void Allowed_folders_may_themselves_be_links()
    {
        Directory.CreateSymbolicLink(_folder["linked"], _folder["models"]);
        var allowed = new AllowedFolders([_folder["linked"]]);

        Assert.That(allowed.DirectoryAt("llama"), Is.EqualTo(_folder["models", "llama"]));
        Assert.That(allowed.DirectoryAt(_folder["linked", "llama"]), Is.EqualTo(_folder["models", "llama"]));
        Assert.That(allowed.Shown(_folder["models", "llama"]), Is.EqualTo("llama"));
        Assert.That(allowed.Shown(_folder["secret"]), Is.Null);
    }

    [Test]
    public void Only_regular_files_are_files()
    {
        using (Process pipe = Process.Start("mkfifo", [_folder["models", "pipe"]]))
        {
            pipe.WaitForExit();
        }

        Assert.That(_folder["models", "pipe"], Does.Exist);
        Assert.That(() => _allowed.FileAt("pipe"), Throws.TypeOf<EngineException>());
        Assert.That(() => new AllowedFolders(["/dev"]).FileAt("zero"), Throws.TypeOf<EngineException>());
        Assert.That(() => _allowed.FileAt("llama"), Throws.TypeOf<EngineException>());
        Assert.That(_allowed.FileAt("notes.txt"), Is.EqualTo(_folder["models", "notes.txt"]));
    }

    [Test]
    public void A_new_directory_is_one_that_is_not_there_in_one_that_is()
    {
        Directory.CreateSymbolicLink(_folder["models", "dangling"], _folder["secret", "nothing"]);

        Assert.That(_allowed.NewDirectoryAt("new"), Is.EqualTo(_folder["models", "new"]));
        Assert.That(_allowed.NewDirectoryAt(_folder["more", "new"]), Is.EqualTo(_folder["more", "new"]));
        Assert.Multiple(() =>
        {
            foreach (string path in new[] { "llama", "absent/new", "../new", "/new", "dangling", "notes.txt", "notes.txt/new" })
            {
                Assert.That(() => _allowed.NewDirectoryAt(path), Throws.TypeOf<EngineException>(), path);
            }
        });
    }

    [Test]
    public void Without_folders_there_is_no_path()
    {
        var none = new AllowedFolders([]);

        Assert.That(none.IsEmpty, Is.True);
        Assert.That(() => none.DirectoryAt("llama"), Throws.TypeOf<EngineException>().With.Message.Contains("no folder"));
    }

    [Test]
    public void A_folder_that_is_not_there_is_told_to_the_operator()
    {
        Assert.That(
            () => new AllowedFolders([_folder["absent"]]),
            Throws.TypeOf<InterfuseException>().With.Message.Contains(_folder["absent"]));
    }
}
