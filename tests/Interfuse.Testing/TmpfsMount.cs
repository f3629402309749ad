using System.Diagnostics;

namespace Interfuse.Testing;

/// <summary>A small in-memory disk, for tests of full and read-only disks. Needs the right to mount.</summary>
public sealed class TmpfsMount : IDisposable
{
    private readonly TempFolder _folder = new();

    private TmpfsMount()
    {
    }

    public string Path => _folder.Path;

    /// <summary>Mounts one, for example with <c>size=1m</c>; null and the reason where that is not possible.</summary>
    public static TmpfsMount? Try(string options, out string reason)
    {
        var mount = new TmpfsMount();
        if (!OperatingSystem.IsLinux())
        {
            reason = "needs Linux to mount a small disk";
        }
        else if (!Run(out reason, "mount", "-t", "tmpfs", "-o", options, "tmpfs", mount.Path))
        {
            reason = "needs the right to mount a small disk: " + reason;
        }
        else
        {
            return mount;
        }

        mount._folder.Dispose();
        return null;
    }

    /// <summary>From now on nothing can be written.</summary>
    public void MakeReadOnly()
    {
        if (!Run(out string reason, "mount", "-o", "remount,ro", Path))
        {
            throw new InvalidOperationException(reason);
        }
    }

    public void Dispose()
    {
        if (Directory.Exists(Path) && !Run(out string reason, "umount", Path))
        {
            throw new InvalidOperationException(reason);
        }

        _folder.Dispose();
    }

    private static bool Run(out string error, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        error = process.StandardError.ReadToEnd().Trim();
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
