using Interfuse.Checkpoints.Native;
using Microsoft.Win32.SafeHandles;

namespace Interfuse.Checkpoints;

/// <summary>Hints to the operating system about how a file will be used. They change speed, never results.</summary>
public static class FileAdvice
{
    /// <summary>
    /// Starts reading a range into the page cache and returns at once. Does nothing where the system has no such hint.
    /// </summary>
    /// <param name="file">The file, opened for reading.</param>
    /// <param name="offset">The first byte, counted from the start of the file.</param>
    /// <param name="length">The number of bytes; 0 means up to the end of the file.</param>
    public static void WillNeed(SafeFileHandle file, long offset, long length)
    {
        if (OperatingSystem.IsLinux())
        {
            // The status is of no use: a file system that cannot read ahead is merely slower.
            _ = Linux.posix_fadvise(file, offset, length, Linux.POSIX_FADV_WILLNEED);
        }
    }
}
