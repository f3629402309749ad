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

    private MappedFile(MemoryMappedViewAccessor view) => _view = view;

    /// <summary>The memory; it stays until the last holder of its pointer has released it.</summary>
    public SafeBuffer Memory => _view.SafeMemoryMappedViewHandle;

    /// <summary>Maps a whole file, which may be closed afterwards.</summary>
    public static MappedFile Map(SafetensorsFile file)
    {
        using var mapped = MemoryMappedFile.CreateFromFile(
            file.Handle, mapName: null, file.Length, MemoryMappedFileAccess.Read, HandleInheritability.None,
            leaveOpen: true);
        return new MappedFile(mapped.CreateViewAccessor(0, file.Length, MemoryMappedFileAccess.Read));
    }

    public void Dispose() => _view.Dispose();
}

/// <summary>A tensor in a mapped file.</summary>
/// <param name="Memory">The file's memory.</param>
/// <param name="Info">The tensor and its place in the file.</param>
/// <param name="Path">The file's path, for messages.</param>
internal sealed record MappedTensor(SafeBuffer Memory, TensorInfo Info, string Path)
{
    /// <summary>Gives the tensor's address, which holds until what is returned is disposed of.</summary>
    /// <exception cref="ObjectDisposedException">The pack is disposed of.</exception>
    public Pin Hold() => new(this);

    /// <summary>An address that is good while this lives, even if the pack is disposed of meanwhile.</summary>
    public readonly unsafe ref struct Pin
    {
        private readonly SafeBuffer _memory;

        public Pin(MappedTensor tensor)
        {
            _memory = tensor.Memory;
            byte* start = null;
            _memory.AcquirePointer(ref start);
            Address = start + tensor.Info.Offset;
        }

        public byte* Address { get; }

        public void Dispose() => _memory.ReleasePointer();
    }
}
