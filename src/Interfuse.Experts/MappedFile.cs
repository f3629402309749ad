using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Experts;

/// <summary>A safetensors file in the address space, read only: every process that maps it shares its pages.</summary>
/// <remarks>
/// Nothing of it is read before it is used. The file must not be cut short while it is mapped: a system ends a process
/// that reads beyond the end of a file. Packs are replaced by renaming, which leaves mapped files as they are.
/// </remarks>
internal sealed class MappedFile : IDisposable
{
    private readonly MemoryMappedViewAccessor _view;
    private volatile bool _disposed;

    private MappedFile(string path, MemoryMappedViewAccessor view)
    {
        Path = path;
        _view = view;
    }

    /// <summary>The file's full path.</summary>
    public string Path { get; }

    /// <summary>The memory; it stays until the last holder of its pointer has released it.</summary>
    /// <exception cref="ObjectDisposedException">No new holders are taken.</exception>
    public SafeBuffer Memory
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(ExpertPack));
            return _view.SafeMemoryMappedViewHandle;
        }
    }

    /// <summary>Maps a whole file, which may be closed afterwards.</summary>
    public static MappedFile Map(SafetensorsFile file)
    {
        using var mapped = MemoryMappedFile.CreateFromFile(
            file.Handle, mapName: null, file.Length, MemoryMappedFileAccess.Read, HandleInheritability.None,
            leaveOpen: true);
        return new MappedFile(file.Path, mapped.CreateViewAccessor(0, file.Length, MemoryMappedFileAccess.Read));
    }

    public void Dispose()
    {
        _disposed = true;
        _view.Dispose();
    }
}

/// <summary>A tensor in a mapped file.</summary>
/// <param name="File">The file.</param>
/// <param name="Info">The tensor and its place in the file.</param>
internal sealed record MappedTensor(MappedFile File, TensorInfo Info)
{
    /// <summary>The file's path, for messages.</summary>
    public string Path => File.Path;

    /// <summary>Gives the tensor's address, which holds until what is returned is disposed of.</summary>
    /// <exception cref="ObjectDisposedException">The pack is disposed of.</exception>
    public Pin Hold() => new(this);

    /// <summary>An address that is good while this lives, even if the pack is disposed of meanwhile.</summary>
    public readonly unsafe ref struct Pin
    {
        private readonly SafeBuffer _memory;

        public Pin(MappedTensor tensor)
        {
            _memory = tensor.File.Memory;
            byte* start = null;
            _memory.AcquirePointer(ref start);
            Address = start + tensor.Info.Offset;
        }

        public byte* Address { get; }

        public void Dispose() => _memory.ReleasePointer();
    }
}
