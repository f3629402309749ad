using Microsoft.Win32.SafeHandles;

namespace Interfuse.Checkpoints;

internal static class FileRead
{
    /// <summary>
    /// Fills <paramref name="destination"/> from the file; the end of the file within it is an error.
    /// </summary>
    public static void Exactly(
        SafeFileHandle file, string path, long offset, Span<byte> destination, string? tensor = null)
    {
        while (!destination.IsEmpty)
        {
            int read = RandomAccess.Read(file, destination, offset);
            if (read == 0)
            {
                throw new CheckpointFormatException(
                    path,
                    $"the file shrank while being read: it now ends before byte {offset + destination.Length}; do not "
                    + "change a checkpoint that is in use",
                    tensor);
            }

            destination = destination[read..];
            offset += read;
        }
    }

    /// <summary>Reads a small text file whole, refusing one too large to be what its name says.</summary>
    public static byte[] Small(string path)
    {
        using SafeFileHandle file = File.OpenHandle(path);
        long length = RandomAccess.GetLength(file);
        if (length > SafetensorsHeader.MaxJsonBytes)
        {
            throw new CheckpointFormatException(
                path, $"is {length} bytes long, over the limit of {SafetensorsHeader.MaxJsonBytes} for such a file");
        }

        byte[] bytes = new byte[length];
        Exactly(file, path, 0, bytes);
        return bytes;
    }
}
