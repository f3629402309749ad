using System.Security.Cryptography;
using System.Text;
using Interfuse.Checkpoints;

namespace Interfuse.Experts.Routing;

/// <summary>Puts a router into a pack.</summary>
/// <remarks>
/// <para>
/// Three files change: <c>router.safetensors</c>, <c>pack.json</c>, which lists it, and <c>pack.sha256</c>. Each is
/// written beside its place, flushed and renamed, in an order that leaves a pack that opens at every instant: an old
/// router is first taken out of <c>pack.json</c>, then the new file is put in place, which nothing reads while it is
/// not listed, then it is listed. A crash leaves the pack as it was, without a router, or with the new one.
/// </para>
/// <para>
/// What is left of it otherwise: <c>pack.sha256</c> may be one step behind <c>pack.json</c>. Then
/// <c>pack.sha256.new</c>, which is written before <c>pack.json</c> is renamed, vouches for it. Verification tells of
/// both, and the next installing mends them.
/// </para>
/// </remarks>
public static class RouterInstaller
{
    private const string LockFileName = ".interfuse.lock";

    /// <summary>Puts a router in place, or replaces the one that is there.</summary>
    /// <param name="path">The pack's directory.</param>
    /// <param name="router">The router.</param>
    /// <exception cref="InterfuseException">The router is another pack's, the pack's manifest is damaged, or another
    /// process is changing it.</exception>
    /// <exception cref="IOException">The directory cannot be written to.</exception>
    public static void Install(string path, PackRouter router)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(router);
        path = Path.GetFullPath(path);
        using (TakeLock(path))
        {
            Install(path, router, RouterFile.Write(router));
        }

        StagedFile.FlushNames(path);
    }

    private static void Install(string path, PackRouter router, byte[] bytes)
    {
        PackManifest manifest = SoundManifest(path);
        if (PackIdentity.Of(manifest) != router.Facts.PackHash)
        {
            throw new CheckpointFormatException(
                path, "has changed since the router was trained, which therefore is not put in; train it again");
        }

        string file = Path.Combine(path, PackManifest.RouterFileName);
        var entry = new PackFileEntry(PackManifest.RouterFileName, bytes.Length, Convert.ToHexStringLower(SHA256.HashData(bytes)));
        PackFileEntry[] others = [.. manifest.Files.Where(listed => listed.Name != PackManifest.RouterFileName)];
        if (others.Length < manifest.Files.Count)
        {
            Write(path, manifest with { Files = others });
        }

        StagedFile.Stage(file, bytes);
        StagedFile.Commit(file);
        Write(path, manifest with { Files = [.. others.Append(entry).OrderBy(listed => listed.Name, StringComparer.Ordinal)] });
    }

    private static void Write(string path, PackManifest manifest)
    {
        string file = Path.Combine(path, PackManifest.FileName);
        string hashFile = Path.Combine(path, PackManifest.HashFileName);
        byte[] bytes = manifest.ToUtf8Bytes();
        StagedFile.Stage(file, bytes);
        StagedFile.Stage(hashFile, HashLine(bytes));
        StagedFile.Commit(file);
        StagedFile.Commit(hashFile);
    }

    // Writing a manifest anew makes it right by its hash: it must have been so before.
    private static PackManifest SoundManifest(string path)
    {
        string hashFile = Path.Combine(path, PackManifest.HashFileName);
        var reader = new PackManifestReader(Path.Combine(path, PackManifest.FileName));
        byte[] bytes = reader.ReadBytes();
        byte[] expected = HashLine(bytes);
        if (Holds(hashFile, expected) || Holds(StagedFile.NameOf(hashFile), expected))
        {
            return reader.Parse(bytes);
        }

        throw new CheckpointFormatException(
            Path.Combine(path, PackManifest.FileName),
            $"is not what {PackManifest.HashFileName} says, so one of the two is damaged, and a router is not put in; "
            + "copy the pack again, or make it again");
    }

    private static bool Holds(string file, byte[] content) =>
        File.Exists(file) && new FileInfo(file).Length == content.Length && File.ReadAllBytes(file).AsSpan().SequenceEqual(content);

    private static byte[] HashLine(byte[] manifest) =>
        Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(manifest)) + "\n");

    private static FileStream TakeLock(string path)
    {
        try
        {
            return new FileStream(
                Path.Combine(path, LockFileName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0,
                FileOptions.DeleteOnClose);
        }
        catch (IOException e) when (File.Exists(Path.Combine(path, LockFileName)))
        {
            throw new InterfuseException($"{path}: another process is changing this pack; wait for its end.", e);
        }
    }
}
