using System.Security.Cryptography;
using System.Text;
using Interfuse.Checkpoints;

namespace Interfuse.Experts;

/// <summary>Hashes all of a pack.</summary>
internal sealed class PackVerifier(string path, IProgress<long>? progress, CancellationToken cancellation)
{
    private const int BufferBytes = 1 << 20;
    private const string Again = "copy the pack again, or make it again";

    private readonly List<PackFault> _faults = [];
    private long _bytes;

    public PackVerification Run()
    {
        PackManifest? manifest = CheckManifest();
        if (manifest is null)
        {
            return new PackVerification(1, _bytes, _faults);
        }

        // The longest first, so that no core is left with it at the end.
        Parallels.Run(manifest.Files.OrderByDescending(file => file.Bytes), CheckFile, cancellation);
        CheckStrangers(manifest);
        if (_faults.Count == 0)
        {
            CheckThatItOpens();
        }

        return new PackVerification(
            manifest.Files.Count + 2, _bytes, [.. _faults.OrderBy(fault => fault.File, StringComparer.Ordinal)]);
    }

    private PackManifest? CheckManifest()
    {
        var reader = new PackManifestReader(InPack(PackManifest.FileName));
        try
        {
            byte[] manifest = reader.ReadBytes();
            Count(manifest.Length);
            CheckOwnHash(Convert.ToHexStringLower(SHA256.HashData(manifest)));
            return reader.Parse(manifest);
        }
        catch (CheckpointFormatException e)
        {
            Add(PackManifest.FileName, e.Tensor is null ? e.Reason : $"tensor '{e.Tensor}': {e.Reason}");
            return null;
        }
    }

    private void CheckOwnHash(string hash)
    {
        var file = new FileInfo(InPack(PackManifest.HashFileName));
        byte[] expected = Encoding.ASCII.GetBytes(hash + '\n');
        if (!file.Exists)
        {
            Add(PackManifest.HashFileName, $"is missing; {Again}");
        }
        else if (file.Length != expected.Length)
        {
            Add(PackManifest.HashFileName, $"is {file.Length} bytes long, where {expected.Length} are expected; {Again}");
        }
        else
        {
            byte[] found = File.ReadAllBytes(file.FullName);
            Count(found.Length);
            if (!found.AsSpan().SequenceEqual(expected))
            {
                Add(PackManifest.FileName, IsHalfway(expected)
                    ? $"is newer than {PackManifest.HashFileName}: the pack was being given a router, and that was cut off; train "
                        + "the router again"
                    : $"has the SHA-256 {hash}, which is not what {PackManifest.HashFileName} says: one of the two is "
                        + $"damaged; {Again}");
            }
        }
    }

    // See RouterInstaller.
    private bool IsHalfway(byte[] expected)
    {
        var staged = new FileInfo(StagedFile.NameOf(InPack(PackManifest.HashFileName)));
        return staged.Exists && staged.Length == expected.Length
            && File.ReadAllBytes(staged.FullName).AsSpan().SequenceEqual(expected);
    }

    private void CheckFile(PackFileEntry entry)
    {
        var file = new FileInfo(InPack(entry.Name));
        if (!file.Exists)
        {
            Add(entry.Name, $"is missing; {Again}");
            return;
        }

        if (file.Length != entry.Bytes)
        {
            Add(entry.Name, $"is {file.Length} bytes long, where {entry.Bytes} are expected; {Again}");
            return;
        }

        string hash = Hash(file.FullName);
        if (hash != entry.Sha256)
        {
            Add(entry.Name, $"has the SHA-256 {hash}, where {entry.Sha256} is expected; {Again}");
        }
    }

    private string Hash(string file)
    {
        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[BufferBytes];
        for (int read = stream.Read(buffer); read > 0; read = stream.Read(buffer))
        {
            cancellation.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, read);
            Count(read);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private void CheckStrangers(PackManifest manifest)
    {
        HashSet<string> known = [PackManifest.FileName, PackManifest.HashFileName, .. manifest.Files.Select(file => file.Name)];
        foreach (string name in Directory.EnumerateFileSystemEntries(path).Select(entry => Path.GetFileName(entry)))
        {
            if (!known.Contains(name))
            {
                Add(name, $"is not listed in {PackManifest.FileName}, so nothing vouches for it; move it elsewhere");
            }
        }
    }

    // Files may be as they were made, and have been made wrong.
    private void CheckThatItOpens()
    {
        try
        {
            using var pack = ExpertPack.Open(path);
            if (pack.HasRouter)
            {
                pack.OpenRouter();
            }
        }
        catch (CheckpointFormatException e)
        {
            Add(Path.GetFileName(e.Path), e.Tensor is null ? e.Reason : $"tensor '{e.Tensor}': {e.Reason}");
        }
    }

    private void Count(long bytes)
    {
        long all = Interlocked.Add(ref _bytes, bytes);
        progress?.Report(all);
    }

    private void Add(string file, string reason)
    {
        lock (_faults)
        {
            _faults.Add(new PackFault(file, reason));
        }
    }

    private string InPack(string name) => Path.Combine(path, name);
}
