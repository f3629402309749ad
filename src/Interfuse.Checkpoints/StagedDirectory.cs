using Microsoft.Win32.SafeHandles;

namespace Interfuse.Checkpoints;

/// <summary>
/// A directory that appears at its final place complete or not at all: everything is made in <c>TARGET.partial</c>
/// beside it and renamed into place at the end.
/// </summary>
/// <remarks>
/// A lock file inside the partial directory keeps other processes out and marks the directory as one that may be
/// emptied: a directory of that name without it is never touched. Disposing without <see cref="Publish"/> or <see
/// cref="Discard"/> leaves the partial directory for a later run to resume.
/// </remarks>
public sealed class StagedDirectory : IDisposable
{
    internal const string LockFileName = ".interfuse.lock";

    private const string Suffix = ".partial";

    // What the low half of IOException.HResult is when another process holds a file: ERROR_SHARING_VIOLATION,
    // EWOULDBLOCK.
    private const int SharingViolation = 32;
    private const int LinuxWouldBlock = 11;
    private const int MacWouldBlock = 35;

    private readonly bool _overwrite;
    private readonly SafeFileHandle _lock;
    private bool _finished;

    private StagedDirectory(string target, bool overwrite, bool resume)
    {
        Target = target;
        Path = target + Suffix;
        _overwrite = overwrite;
        RefuseUnfitTarget();
        _lock = TakeLock();
        try
        {
            Resumed = resume && Leftovers().Any();
            if (!resume)
            {
                Empty();
            }
        }
        catch
        {
            _lock.Dispose();
            throw;
        }
    }

    /// <summary>The full path of the final place; where a link stood there, the place it points to.</summary>
    public string Target { get; }

    /// <summary>The full path of the partial directory, in which everything is made.</summary>
    public string Path { get; }

    /// <summary>Whether resuming was asked for and an earlier run had left something.</summary>
    public bool Resumed { get; }

    /// <summary>Makes or takes over the partial directory of a target.</summary>
    /// <param name="target">The final place. The folders above it are made as needed.</param>
    /// <param name="overwrite">Whether a directory with content at the target may be replaced.</param>
    /// <param name="resume">Whether to keep what an earlier run left in the partial directory; otherwise it is
    /// emptied.</param>
    /// <exception cref="InterfuseException">
    /// The target may not be replaced, another process is writing it, or the place cannot be written to.
    /// </exception>
    public static StagedDirectory Open(string target, bool overwrite, bool resume)
    {
        ArgumentException.ThrowIfNullOrEmpty(target);
        string full = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(target));
        var link = new DirectoryInfo(full);
        if (link.LinkTarget is not null)
        {
            full = link.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
        }

        return new StagedDirectory(full, overwrite, resume);
    }

    /// <summary>Whether an unfinished run to this target left its partial directory, or is at work in it.</summary>
    /// <param name="target">The final place, which is no link.</param>
    public static bool IsBegun(string target)
    {
        ArgumentException.ThrowIfNullOrEmpty(target);
        return System.IO.Path.Exists(System.IO.Path.TrimEndingDirectorySeparator(target) + Suffix);
    }

    /// <summary>Deletes what a run to this target left that was ended before its time: the partial directory or, if it was
    /// ended in the instant after it had published that, its lock.</summary>
    /// <param name="target">The final place, which is no link.</param>
    /// <exception cref="InterfuseException">Another process is at work there, or it cannot be deleted.</exception>
    public static void Clear(string target)
    {
        if (IsBegun(target))
        {
            using StagedDirectory staged = Open(target, overwrite: true, resume: true);
            staged.Discard();
        }

        string leftLock = System.IO.Path.Combine(target, LockFileName);
        if (File.Exists(leftLock))
        {
            File.Delete(leftLock);
        }
    }

    /// <summary>
    /// Puts the directory in its final place. A crash at any instant leaves the previous state of the target or the new
    /// one, never a mixture; what was there before is deleted last.
    /// </summary>
    /// <param name="scratchFiles">Names of files in the partial directory that are not part of the result, such as a
    /// journal. They are deleted once everything else is on disk.</param>
    /// <exception cref="InterfuseException">The target cannot be replaced; the finished partial directory
    /// stays.</exception>
    public void Publish(params ReadOnlySpan<string> scratchFiles)
    {
        ObjectDisposedException.ThrowIf(_finished, this);
        RefuseUnfitTarget();
        string[] scratch = [.. scratchFiles.ToArray().Select(InPartial)];
        DurableDirectory.FlushTree(Path, except: new HashSet<string>([.. scratch, InPartial(LockFileName)]));
        Array.ForEach(scratch, File.Delete);

        if (OperatingSystem.IsWindows())
        {
            DeleteLock();
        }

        // Elsewhere the lock goes along: a run that is killed just before the move leaves a directory to resume, not one
        // that no run may touch.
        DurableDirectory.Flush(Path);
        bool replaces = Directory.Exists(Target);
        MoveIntoPlace(replaces);
        File.Delete(System.IO.Path.Combine(Target, LockFileName));
        DurableDirectory.Flush(System.IO.Path.GetDirectoryName(Target)!);
        _finished = true;
        _lock.Dispose();
        if (replaces)
        {
            DeletePrevious();
        }
    }

    /// <summary>Deletes the partial directory.</summary>
    public void Discard()
    {
        ObjectDisposedException.ThrowIf(_finished, this);
        Empty();
        DeleteLock();
        Directory.Delete(Path, recursive: true);
        Dispose();
    }

    /// <summary>Lets other processes in. The partial directory stays, unless it was published or discarded.</summary>
    public void Dispose()
    {
        _finished = true;
        _lock.Dispose();
    }

    private void RefuseUnfitTarget()
    {
        if (File.Exists(Target))
        {
            throw new InterfuseException($"{Target}: is a file; choose a name that is free or a directory's.");
        }

        if (!Directory.Exists(Target))
        {
            return;
        }

        if (!_overwrite && Directory.EnumerateFileSystemEntries(Target).Any())
        {
            throw new InterfuseException(
                $"{Target}: exists and is not empty; choose another name, or allow it to be overwritten.");
        }

        // A directory that is swapped away must be one that can be renamed and that nobody stands in.
        if (DriveInfo.GetDrives().Any(drive => drive.Name == Target))
        {
            throw new InterfuseException(
                $"{Target}: is a mount point, which cannot be replaced in one step; give a directory below it.");
        }

        string current = Environment.CurrentDirectory + System.IO.Path.DirectorySeparatorChar;
        if (current.StartsWith(Target + System.IO.Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw new InterfuseException(
                $"{Target}: is or holds the current directory, which would vanish; give another directory.");
        }
    }

    private SafeFileHandle TakeLock()
    {
        string path = InPartial(LockFileName);
        try
        {
            Directory.CreateDirectory(Path);
            if (!File.Exists(path) && Leftovers().Any())
            {
                throw new InterfuseException(
                    $"{Path}: is needed to work in, but holds files that no unfinished run left; move or delete it.");
            }

            SafeFileHandle handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            if (!File.Exists(path))
            {
                // The other process published or discarded between our opening the file and its letting go.
                handle.Dispose();
                throw new InterfuseException($"{Target}: another process has just finished writing it; try again.");
            }

            return handle;
        }
        catch (IOException e) when ((e.HResult & 0xFFFF) is SharingViolation or LinuxWouldBlock or MacWouldBlock)
        {
            throw new InterfuseException($"{Target}: another process is writing it; wait for its end or stop it.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InterfuseException(
                $"{Target}: the working directory {Path} cannot be written to ({e.Message}); choose another place.",
                e);
        }
    }

    private void DeleteLock()
    {
        if (OperatingSystem.IsWindows())
        {
            // Open files can neither be deleted nor moved there.
            _lock.Dispose();
        }

        File.Delete(InPartial(LockFileName));
    }

    private void MoveIntoPlace(bool replaces)
    {
        try
        {
            if (replaces)
            {
                DurableDirectory.Swap(Path, Target);
            }
            else
            {
                Directory.Move(Path, Target);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            DeleteLock();
            throw new InterfuseException(
                $"{Target}: the result could not be put here ({e.Message}); it is complete in {Path}, so move it.",
                e);
        }
    }

    private void DeletePrevious()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InterfuseException(
                $"{Target}: is written, but what was there before, now in {Path}, could not be deleted ({e.Message}).",
                e);
        }
    }

    private void Empty()
    {
        foreach (string entry in Leftovers())
        {
            if (Directory.Exists(entry))
            {
                Directory.Delete(entry, recursive: true);
            }
            else
            {
                File.Delete(entry);
            }
        }
    }

    private IEnumerable<string> Leftovers() =>
        Directory.EnumerateFileSystemEntries(Path).Where(entry => System.IO.Path.GetFileName(entry) != LockFileName);

    private string InPartial(string name) => System.IO.Path.Combine(Path, name);
}
