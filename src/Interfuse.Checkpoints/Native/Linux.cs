using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Interfuse.Checkpoints.Native;

/// <summary>
/// The few calls of the C library that .NET has no equivalent for. Constants are those of the Linux headers.
/// </summary>
[SupportedOSPlatform("linux")]
internal static partial class Linux
{
    /// <summary>Paths are taken relative to the current directory (fcntl.h).</summary>
    public const int AT_FDCWD = -100;

    /// <summary>Swap the two paths in one step (linux/fs.h).</summary>
    public const uint RENAME_EXCHANGE = 2;

    /// <summary>Read the range soon (fcntl.h).</summary>
    public const int POSIX_FADV_WILLNEED = 3;

    /// <summary>Open for reading, closed in child processes (fcntl.h: O_RDONLY | O_CLOEXEC).</summary>
    public const int O_RDONLY_CLOEXEC = 0x80000;

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int renameat2(int olddirfd, string oldpath, int newdirfd, string newpath, uint flags);

    [LibraryImport("libc")]
    public static partial int posix_fadvise(SafeFileHandle fd, long offset, long len, int advice);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int open(string pathname, int flags);
}
