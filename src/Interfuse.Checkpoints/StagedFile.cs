namespace Interfuse.Checkpoints;

/// <summary>Small files that replace others in one step: written beside their place, on the disk, and then
/// renamed.</summary>
public static class StagedFile
{
    /// <summary>Where <see cref="Stage"/> writes: the path and <c>.new</c>.</summary>
    public static string NameOf(string path) => path + ".new";

    /// <summary>Writes what a file is to be, beside it and down to the disk; replaces what was staged before.</summary>
    /// <param name="path">The file's final path.</param>
    /// <param name="content">Its bytes.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Stage(string path, ReadOnlySpan<byte> content)
    {
        using var file = new FileStream(NameOf(path), FileMode.Create, FileAccess.Write, FileShare.None);
        file.Write(content);
        file.Flush(flushToDisk: true);
    }

    /// <summary>Puts what was staged in its place, down to the disk: a crash leaves the file as it was, or as it is to
    /// be.</summary>
    /// <param name="path">The file's final path.</param>
    /// <exception cref="IOException">It cannot be put there.</exception>
    public static void Commit(string path)
    {
        File.Move(NameOf(path), path, overwrite: true);
        FlushNames(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>Puts on the disk which files a directory has.</summary>
    /// <param name="directory">The directory.</param>
    public static void FlushNames(string directory) => DurableDirectory.Flush(directory);
}
