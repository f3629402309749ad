using Microsoft.Win32.SafeHandles;

namespace Interfuse.Checkpoints;

/// <summary>
/// An open safetensors file whose header has been read and checked. Any number of threads may read at once.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private SafetensorsFile(string path, SafeFileHandle handle)
    {
        Path = path;
        Handle = handle;
        Length = RandomAccess.GetLength(handle);
        Tensors = SafetensorsHeader.Read(handle, path, out IReadOnlyDictionary<string, string> metadata);
        Metadata = metadata;
    }

    /// <summary>The file's full path.</summary>
    public string Path { get; }

    /// <summary>The file's length in bytes when it was opened.</summary>
    public long Length { get; }

    /// <summary>The tensors in the order of their bytes in the file.</summary>
    public IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>The header's free-form string pairs, for example <c>format: pt</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The open file, for advice and mapping; owned by this object.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Opens a file and reads its header; no tensor data is read.</summary>
    /// <exception cref="CheckpointFormatException">The file is not a complete, sound safetensors file.</exception>
    /// <exception cref="IOException">The file cannot be opened or read.</exception>
    public static SafetensorsFile Open(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        SafeFileHandle handle = File.OpenHandle(path, share: FileShare.Read | FileShare.Delete);
        try
        {
            return new SafetensorsFile(path, handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Reads part of a tensor; the bytes are copied once, from the page cache.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="byteOffset">The first byte wanted, counted from the tensor's first.</param>
    /// <param name="destination">Receives as many bytes as it is long.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the tensor.</exception>
    /// <exception cref="CheckpointFormatException">The file shrank since it was opened.</exception>
    /// <exception cref="IOException">The system could not read the file.</exception>
    public void Read(TensorInfo tensor, long byteOffset, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteOffset, tensor.ByteLength - destination.Length);
        FileRead.Exactly(Handle, Path, tensor.Offset + byteOffset, destination, tensor.Name);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => Handle.Dispose();
}
