namespace Interfuse.Checkpoints;

/// <summary>Checks for free disk space before work begins, rather than after hours of it.</summary>
public static class DiskSpace
{
    /// <summary>Throws unless the file system that holds (or will hold) a directory has this many bytes free.</summary>
    /// <param name="directory">The directory; it and the folders above it need not exist yet.</param>
    /// <param name="bytes">The bytes about to be written.</param>
    /// <exception cref="DiskSpaceException">Fewer bytes are free.</exception>
    public static void EnsureFree(string directory, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        string existing = Path.GetFullPath(directory);
        while (!Directory.Exists(existing))
        {
            existing = Path.GetDirectoryName(existing)
                ?? throw new DirectoryNotFoundException($"{directory}: no directory above it exists.");
        }

        var drive = new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(existing)! : existing);

        // Some network file systems do not know their size and report 0 of 0 bytes free.
        if (drive.TotalSize > 0 && drive.AvailableFreeSpace < bytes)
        {
            throw new DiskSpaceException(directory, bytes, drive.AvailableFreeSpace);
        }
    }
}

/// <summary>A disk has too little space for what is to be written.</summary>
public sealed class DiskSpaceException : IOException
{
    /// <summary>Makes an error about a directory.</summary>
    /// <param name="directory">The directory that was to be written to.</param>
    /// <param name="neededBytes">The bytes that were to be written.</param>
    /// <param name="freeBytes">The bytes that are free.</param>
    public DiskSpaceException(string directory, long neededBytes, long freeBytes)
        : base($"{directory}: {neededBytes} bytes are needed, but only {freeBytes} are free on this disk; make room or "
            + "choose another disk.")
    {
        Directory = directory;
        NeededBytes = neededBytes;
        FreeBytes = freeBytes;
    }

    /// <summary>The directory that was to be written to.</summary>
    public string Directory { get; }

    /// <summary>The bytes that were to be written.</summary>
    public long NeededBytes { get; }

    /// <summary>The bytes that were free.</summary>
    public long FreeBytes { get; }
}
