using Microsoft.Win32.SafeHandles;

namespace Interfuse.Checkpoints;

/// <summary>
/// Writes the files of a <see cref="CheckpointLayout"/> into a directory. Every file has its final size from the start,
/// so any number of threads may write tensor bytes, in any order, at their final place.
/// </summary>
/// <remarks>
/// A shard that exists under its name has its size and its header on disk: <see cref="Resume"/> can rely on it after a
/// crash.
/// </remarks>
public sealed class CheckpointWriter : IDisposable
{
    private readonly string _directory;
    private readonly CheckpointLayout _layout;
    private readonly SafeFileHandle?[] _files;
    private readonly bool[] _isNew;

    private CheckpointWriter(string directory, CheckpointLayout layout)
    {
        _directory = directory;
        _layout = layout;
        _files = new SafeFileHandle?[layout.Shards.Count];
        _isNew = new bool[layout.Shards.Count];
    }

    /// <summary>
    /// Makes all shards anew, replacing what is there, with their headers written and their disk space taken.
    /// </summary>
    /// <param name="directory">The directory; made if it does not exist.</param>
    /// <param name="layout">What goes where.</param>
    /// <exception cref="DiskSpaceException">The disk has less space free than the layout needs.</exception>
    /// <exception cref="IOException">A file cannot be made.</exception>
    public static CheckpointWriter Create(string directory, CheckpointLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        Directory.CreateDirectory(directory);
        foreach (CheckpointLayout.Shard shard in layout.Shards)
        {
            File.Delete(Path.Combine(directory, shard.FileName));
        }

        return Resume(directory, layout);
    }

    /// <summary>Opens the shards an earlier writer left and makes those that are absent.</summary>
    /// <param name="directory">The directory; made if it does not exist.</param>
    /// <param name="layout">The layout the earlier writer had.</param>
    /// <exception cref="CheckpointFormatException">A shard has another size or header than the layout says.</exception>
    /// <exception cref="DiskSpaceException">The disk has less space free than the absent shards need.</exception>
    /// <exception cref="IOException">A file cannot be opened or made.</exception>
    public static CheckpointWriter Resume(string directory, CheckpointLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        directory = Path.GetFullPath(directory);
        Directory.CreateDirectory(directory);
        var writer = new CheckpointWriter(directory, layout);
        try
        {
            writer.OpenShards();
            return writer;
        }
        catch
        {
            writer.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Whether this writer made the shard, so that its tensors are zero until written. After <see cref="Resume"/>,
    /// nothing that was noted as done about such a shard counts.
    /// </summary>
    public bool IsNew(int shard) => _isNew[shard];

    /// <summary>Writes part of a tensor at its final place.</summary>
    /// <param name="tensor">The tensor's position in the list the layout was made from.</param>
    /// <param name="byteOffset">Where in the tensor, counted from its first byte.</param>
    /// <param name="source">The bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the tensor.</exception>
    public void Write(int tensor, long byteOffset, ReadOnlySpan<byte> source)
    {
        (int shard, TensorInfo info) = _layout[tensor];
        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteOffset, info.ByteLength - source.Length);
        RandomAccess.Write(_files[shard]!, source, info.Offset + byteOffset);
    }

    /// <summary>Returns when everything written to the shard is on disk.</summary>
    public void FlushShard(int shard) => RandomAccess.FlushToDisk(_files[shard]!);

    /// <summary>
    /// Writes the index, puts everything on disk, closes the files and checks that each one reads back as planned.
    /// Nothing can be written afterwards.
    /// </summary>
    /// <exception cref="CheckpointFormatException">A file does not read back as planned.</exception>
    public void Complete()
    {
        for (int shard = 0; shard < _files.Length; shard++)
        {
            FlushShard(shard);
        }

        if (_layout.Index is not null)
        {
            using SafeFileHandle index = File.OpenHandle(
                Path.Combine(_directory, ShardIndex.FileName), FileMode.Create, FileAccess.Write);
            RandomAccess.Write(index, _layout.Index, 0);
            RandomAccess.FlushToDisk(index);
        }

        Dispose();
        DurableDirectory.Flush(_directory);
        foreach (CheckpointLayout.Shard shard in _layout.Shards)
        {
            using var file = SafetensorsFile.Open(ShardPath(shard));
            if (!file.Tensors.SequenceEqual(shard.Tensors))
            {
                throw new CheckpointFormatException(
                    file.Path, "does not read back as written: another program changed it, or the disk is failing");
            }
        }
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (SafeFileHandle? file in _files)
        {
            file?.Dispose();
        }
    }

    private void OpenShards()
    {
        CheckpointLayout.Shard[] missing = [.. _layout.Shards.Where(shard => !File.Exists(ShardPath(shard)))];
        foreach (CheckpointLayout.Shard shard in missing)
        {
            File.Delete(TemporaryPath(shard));
        }

        DiskSpace.EnsureFree(_directory, missing.Sum(shard => shard.Length));
        for (int i = 0; i < _files.Length; i++)
        {
            CheckpointLayout.Shard shard = _layout.Shards[i];
            _isNew[i] = !File.Exists(ShardPath(shard));
            if (_isNew[i])
            {
                MakeShard(shard);
            }

            _files[i] = File.OpenHandle(ShardPath(shard), FileMode.Open, FileAccess.ReadWrite);
            CheckShard(_files[i]!, shard);
        }

        DurableDirectory.Flush(_directory);
    }

    // Under a temporary name until size and header are on disk, so that no crash leaves a shard Resume must refuse.
    private void MakeShard(CheckpointLayout.Shard shard)
    {
        using (SafeFileHandle file = File.OpenHandle(
            TemporaryPath(shard), FileMode.CreateNew, FileAccess.Write, preallocationSize: shard.Length))
        {
            // Preallocation takes the space but need not set the length.
            RandomAccess.SetLength(file, shard.Length);
            RandomAccess.Write(file, shard.Header, 0);
            RandomAccess.FlushToDisk(file);
        }

        File.Move(TemporaryPath(shard), ShardPath(shard));
    }

    private void CheckShard(SafeFileHandle file, CheckpointLayout.Shard shard)
    {
        byte[] header = new byte[shard.Header.Length];
        bool sameLength = RandomAccess.GetLength(file) == shard.Length;
        if (sameLength)
        {
            FileRead.Exactly(file, ShardPath(shard), 0, header);
        }

        if (!sameLength || !header.AsSpan().SequenceEqual(shard.Header))
        {
            throw new CheckpointFormatException(
                ShardPath(shard),
                "is not the shard this merge was writing; start again without resuming, or delete the file");
        }
    }

    private string ShardPath(CheckpointLayout.Shard shard) => Path.Combine(_directory, shard.FileName);

    private string TemporaryPath(CheckpointLayout.Shard shard) => ShardPath(shard) + ".new";
}
