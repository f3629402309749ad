using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Interfuse.Checkpoints.Native;
using Microsoft.Win32.SafeHandles;

namespace Interfuse.Checkpoints;

/// <summary>Directory operations that survive a power failure once they return, where the system offers that.</summary>
internal static class DurableDirectory
{
    /// <summary>
    /// Puts the directory's entries (names made, renamed, deleted) on disk. Does nothing but on Linux.
    /// </summary>
    public static void Flush(string directory)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        int descriptor = Linux.open(directory, Linux.O_RDONLY_CLOEXEC);
        if (descriptor < 0)
        {
            throw new IOException($"{directory}: cannot be opened: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        RandomAccess.FlushToDisk(handle);
    }

    /// <summary>
    /// Puts every file below a directory, but those at the given paths, and the directories themselves, on disk.
    /// </summary>
    public static void FlushTree(string directory, IReadOnlySet<string> except)
    {
        // Windows flushes only what is open for writing; elsewhere reading is enough, and is possible for read-only
        // files.
        FileAccess access = OperatingSystem.IsWindows() ? FileAccess.ReadWrite : FileAccess.Read;
        foreach (string file in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories))
        {
            if (!except.Contains(file))
            {
                using SafeFileHandle handle = File.OpenHandle(file, FileMode.Open, access, FileShare.ReadWrite);
                RandomAccess.FlushToDisk(handle);
            }
        }

        foreach (string folder in Directory.EnumerateDirectories(directory, "*", SearchOption.AllDirectories))
        {
            Flush(folder);
        }

        Flush(directory);
    }

    /// <summary>
    /// Puts <paramref name="source"/> at the place of the existing <paramref name="target"/>, and what was there at the
    /// place of <paramref name="source"/>; in one step where the system can.
    /// </summary>
    public static void Swap(string source, string target)
    {
        if (!OperatingSystem.IsLinux() || !TryExchange(source, target))
        {
            SwapByRenaming(source, target);
        }
    }

    /// <summary>The fallback of <see cref="Swap"/>: for a moment there is nothing at the target.</summary>
    public static void SwapByRenaming(string source, string target)
    {
        string aside = target + ".previous-" + Path.GetRandomFileName();
        Directory.Move(target, aside);
        try
        {
            Directory.Move(source, target);
        }
        catch
        {
            Directory.Move(aside, target);
            throw;
        }

        Directory.Move(aside, source);
    }

    [SupportedOSPlatform("linux")]
    private static bool TryExchange(string source, string target)
    {
        try
        {
            // Kernels and file systems that cannot exchange fail without having done anything.
            return Linux.renameat2(Linux.AT_FDCWD, source, Linux.AT_FDCWD, target, Linux.RENAME_EXCHANGE) == 0;
        }
        catch (EntryPointNotFoundException)
        {
            // An older C library.
            return false;
        }
    }
}
