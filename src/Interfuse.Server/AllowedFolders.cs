using System.Runtime.InteropServices;
using System.Text;
using Interfuse.Server.Engine;

namespace Interfuse.Server;

/// <summary>The folders that clients' paths may lead into, and nowhere else.</summary>
/// <remarks>
/// <para>
/// A path is relative to one of the folders (the first that has it counts), or absolute and inside one. Symbolic links are followed
/// first, so what is inside is what lies there in truth: of the path, and of the files that a directory holds. What is refused tells
/// nothing about what lies outside: not there and not allowed are one message, and no message quotes a path.
/// </para>
/// <para>
/// It guards against clients, who name paths, not against somebody who may write into the folders and exchanges files between the
/// check and their use.
/// </para>
/// </remarks>
public sealed partial class AllowedFolders
{
    private const int MaxLength = 4096;

    // As many as Linux follows.
    private const int MaxLinks = 40;

    private readonly string[] _roots;

    /// <summary>Allows folders.</summary>
    /// <param name="roots">Their paths; none for a server that lets clients name no path.</param>
    /// <exception cref="InterfuseException">One is not there; for the operator, and names it.</exception>
    public AllowedFolders(IEnumerable<string> roots)
    {
        ArgumentNullException.ThrowIfNull(roots);
        _roots =
        [
            .. roots.Select(root => Real(Path.GetFullPath(root)) is { } real && Directory.Exists(real)
                ? real
                : throw new InterfuseException($"{root}: the folder that clients may name paths in is not there; make it, or "
                    + "take it out of the configuration.")),
        ];
    }

    /// <summary>Whether there is none.</summary>
    public bool IsEmpty => _roots.Length == 0;

    /// <summary>The folders' real paths; nothing for clients.</summary>
    internal IReadOnlyList<string> Roots => _roots;

    /// <summary>A directory that is there, by its real path.</summary>
    /// <param name="path">What a client wrote.</param>
    /// <exception cref="EngineException">It is not there, not allowed, or a link in it leads out.</exception>
    public string DirectoryAt(string path)
    {
        string real = Find(path, Directory.Exists, "folder");
        return Leaves(real) ? throw Refused("A link in the folder leads out of the allowed folders.") : real;
    }

    /// <summary>A regular file that is there, by its real path.</summary>
    /// <inheritdoc cref="DirectoryAt"/>
    public string FileAt(string path) => Find(path, IsRegularFile, "file");

    /// <summary>The path of a directory that is yet to be made, in one that is there.</summary>
    /// <param name="path">What a client wrote.</param>
    /// <exception cref="EngineException">Something is there already, or it is not allowed.</exception>
    public string NewDirectoryAt(string path)
    {
        foreach (string full in Candidates(path))
        {
            string? parent = Path.GetDirectoryName(full);
            if (parent is null || Real(parent) is not { } real || !IsInside(real) || !Directory.Exists(real))
            {
                continue;
            }

            string target = Path.Combine(real, Path.GetFileName(full));
            return Path.Exists(target) || Link(target) is not null
                ? throw Refused("There is something of this name already; choose another.")
                : target;
        }

        throw Refused("The folder above it is not there, or not inside an allowed folder.");
    }

    /// <summary>How clients are told of a path: relative to its folder, or null where it is in none.</summary>
    /// <param name="fullPath">A full path, with links followed.</param>
    public string? Shown(string fullPath)
    {
        ArgumentNullException.ThrowIfNull(fullPath);
        return Array.Find(_roots, root => IsInside(root, fullPath)) is { } root
            ? Path.GetRelativePath(root, fullPath)
            : null;
    }

    private string Find(string path, Func<string, bool> exists, string what)
    {
        foreach (string full in Candidates(path))
        {
            if (Real(full) is { } real && IsInside(real) && exists(real))
            {
                return real;
            }
        }

        throw Refused($"There is no such {what} inside an allowed folder.");
    }

    private IEnumerable<string> Candidates(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (IsEmpty)
        {
            throw Refused("This server allows clients no folder.");
        }

        if (path.Length is 0 or > MaxLength || path.Any(char.IsControl))
        {
            throw Refused($"A path has 1 to {MaxLength} characters, and none of them is a control character.");
        }

        if (path.Split('/', '\\').Contains(".."))
        {
            throw Refused("A path may not go up by '..'.");
        }

        string trimmed = Path.TrimEndingDirectorySeparator(path);
        return Path.IsPathRooted(trimmed)
            ? [Path.GetFullPath(trimmed)]
            : _roots.Select(root => Path.GetFullPath(trimmed, root));
    }

    private bool IsInside(string real) => Array.Exists(_roots, root => IsInside(root, real));

    private static bool IsInside(string root, string real) =>
        real.Equals(root, StringComparison.Ordinal)
        || (real.StartsWith(root, StringComparison.Ordinal)
            && (Path.EndsInDirectorySeparator(root) || real[root.Length] == Path.DirectorySeparatorChar));

    // Whether an entry of a directory is a link to somewhere else. Models and packs have no folders that are read.
    private bool Leaves(string directory)
    {
        try
        {
            return Directory.EnumerateFileSystemEntries(directory)
                .Any(entry => Link(entry) is not null && !(Real(entry) is { } real && IsInside(real)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    // The path with every link in it followed, or null where that has no end. What is not there is no link.
    private static string? Real(string fullPath)
    {
        string current = Path.GetPathRoot(fullPath)!;
        Stack<string> rest = Names(fullPath[current.Length..]);
        int links = 0;
        while (rest.TryPop(out string? name))
        {
            if (name == "..")
            {
                current = Path.GetDirectoryName(current) ?? current;
                continue;
            }

            string next = Path.Combine(current, name);
            if (Link(next) is not { } target)
            {
                current = next;
                continue;
            }

            if (++links > MaxLinks)
            {
                return null;
            }

            string root = Path.GetPathRoot(target) ?? "";
            current = root.Length > 0 ? root : current;
            foreach (string part in Names(target[root.Length..]).Reverse())
            {
                rest.Push(part);
            }
        }

        return current;
    }

    // A path's names, the first on top.
    private static Stack<string> Names(string path) => new(path
        .Split(Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar)
        .Where(name => name.Length > 0 && name != ".")
        .Reverse());

    private static string? Link(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // Opening a pipe would wait for whoever writes to it, and a device may be endless.
    private static bool IsRegularFile(string path)
    {
        const int CurrentDirectory = -100;
        const uint WantType = 1;
        const int ModeOffset = 28;
        const int TypeMask = 0xF000;
        const int Regular = 0x8000;
        if (!File.Exists(path))
        {
            return false;
        }

        if (!OperatingSystem.IsLinux())
        {
            return true;
        }

        // struct statx is the same on every architecture: 256 bytes, stx_mode at byte 28.
        Span<byte> status = stackalloc byte[256];
        return Status(CurrentDirectory, Encoding.UTF8.GetBytes(path + '\0'), 0, WantType, status) == 0
            && (MemoryMarshal.Read<ushort>(status[ModeOffset..]) & TypeMask) == Regular;
    }

    [LibraryImport("libc", EntryPoint = "statx")]
    private static partial int Status(int folder, ReadOnlySpan<byte> path, int flags, uint mask, Span<byte> status);

    private static EngineException Refused(string message) => new(EngineFault.BadRequest, message, "path");
}
