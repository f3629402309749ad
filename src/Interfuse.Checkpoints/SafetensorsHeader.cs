using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace Interfuse.Checkpoints;

/// <summary>
/// The header of a safetensors file: a little-endian 64-bit length, then that many bytes of JSON that say for each
/// tensor its dtype, its shape and its byte range relative to the header's end.
/// </summary>
/// <remarks>
/// Reading is strict: everything is checked before memory is allocated for it, and the ranges must tile the rest of the
/// file without a hole or an overlap. Nothing but the header is read.
/// </remarks>
public static class SafetensorsHeader
{
    /// <summary>The longest JSON accepted and written, in bytes; the limit of the reference implementation.</summary>
    public const int MaxJsonBytes = 100_000_000;

    internal const string MetadataKey = "__metadata__";

    private const int PrefixBytes = sizeof(long);

    /// <summary>Reads and checks the header of an open file.</summary>
    /// <param name="file">The file, opened for reading.</param>
    /// <param name="path">The file's path, for error messages.</param>
    /// <param name="metadata">The free-form string pairs of the header; empty when there are none.</param>
    /// <returns>The tensors in the order of their bytes in the file.</returns>
    /// <exception cref="CheckpointFormatException">The file is not a complete, sound safetensors file.</exception>
    public static IReadOnlyList<TensorInfo> Read(
        SafeFileHandle file, string path, out IReadOnlyDictionary<string, string> metadata)
    {
        long fileLength = RandomAccess.GetLength(file);
        byte[] json = ReadJson(file, path, fileLength);
        long dataStart = PrefixBytes + json.Length;
        var parser = new SafetensorsHeaderParser(path, dataStart, fileLength - dataStart);
        parser.Parse(json);
        metadata = parser.Metadata;

        // A stable sort: tensors without elements share their offset with the next tensor, and stay before it.
        TensorInfo[] tensors = [.. parser.Tensors.OrderBy(t => t.Offset).ThenBy(t => t.ByteLength)];
        CheckTiling(tensors, path, dataStart, fileLength);
        return tensors;
    }

    /// <summary>Makes the header for tensors that lie one after the other in the given order.</summary>
    /// <param name="tensors">The tensors, with distinct names.</param>
    /// <param name="metadata">Free-form string pairs, written in ordinal order of their keys; may be empty.</param>
    /// <returns>The first bytes of the file, a multiple of 8 long; the first tensor follows at once.</returns>
    /// <exception cref="ArgumentException">
    /// A name is used twice or is reserved, an extent is negative, or the header would be longer than a reader accepts.
    /// </exception>
    public static byte[] Write(IReadOnlyList<TensorSpec> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write(stackalloc byte[PrefixBytes]);
        using (var writer = new Utf8JsonWriter(buffer, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            WriteMetadata(writer, metadata);
            WriteTensors(writer, tensors);
            writer.WriteEndObject();
        }

        int unpadded = buffer.WrittenCount;
        if (unpadded > MaxJsonBytes)
        {
            throw new ArgumentException(
                $"The header of {tensors.Count} tensors would take {unpadded} bytes, more than the {MaxJsonBytes} a "
                + "reader accepts; use smaller shards.",
                nameof(tensors));
        }

        byte[] header = new byte[(unpadded + 7) / 8 * 8];
        buffer.WrittenSpan.CopyTo(header);
        header.AsSpan(unpadded).Fill((byte)' ');
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - PrefixBytes);
        return header;
    }

    private static byte[] ReadJson(SafeFileHandle file, string path, long fileLength)
    {
        if (fileLength < PrefixBytes)
        {
            throw new CheckpointFormatException(
                path, $"is {fileLength} bytes long, too short for a safetensors file; download it again");
        }

        Span<byte> prefix = stackalloc byte[PrefixBytes];
        FileRead.Exactly(file, path, 0, prefix);
        ulong jsonLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (jsonLength > MaxJsonBytes)
        {
            throw new CheckpointFormatException(
                path,
                $"starts with a header length of {jsonLength} bytes, over the limit of {MaxJsonBytes}: this is not a "
                + "safetensors file, or it is damaged");
        }

        if ((long)jsonLength > fileLength - PrefixBytes)
        {
            throw new CheckpointFormatException(
                path,
                $"its header should be {jsonLength} bytes long, but the file ends after {fileLength - PrefixBytes} of "
                + "them: the file is truncated; download it again");
        }

        byte[] json = new byte[jsonLength];
        FileRead.Exactly(file, path, PrefixBytes, json);
        if (json is not [(byte)'{', ..])
        {
            throw new CheckpointFormatException(
                path, "its header is not a JSON object: this is not a safetensors file, or it is damaged");
        }

        return json;
    }

    private static void CheckTiling(TensorInfo[] tensors, string path, long dataStart, long fileLength)
    {
        long end = dataStart;
        string previous = "the header";
        foreach (TensorInfo tensor in tensors)
        {
            if (tensor.Offset != end)
            {
                string fault = tensor.Offset < end
                    ? $"overlaps {previous} by {end - tensor.Offset} bytes"
                    : $"leaves a hole of {tensor.Offset - end} bytes after {previous}";
                throw new CheckpointFormatException(
                    path, $"its data {fault}; tensors must lie end to end, so the file is damaged", tensor.Name);
            }

            end = tensor.Offset + tensor.ByteLength;
            previous = $"tensor '{tensor.Name}'";
        }

        if (end != fileLength)
        {
            throw new CheckpointFormatException(
                path,
                $"has {fileLength - end} trailing bytes after {previous}; the data must end with the file, so the "
                + "header or the file is damaged");
        }
    }

    private static void WriteMetadata(Utf8JsonWriter writer, IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.Count == 0)
        {
            return;
        }

        writer.WriteStartObject(MetadataKey);
        foreach ((string key, string value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            writer.WriteString(key, value);
        }

        writer.WriteEndObject();
    }

    private static void WriteTensors(Utf8JsonWriter writer, IReadOnlyList<TensorSpec> tensors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal) { MetadataKey };
        long begin = 0;
        foreach (TensorSpec tensor in tensors)
        {
            if (!names.Add(tensor.Name))
            {
                throw new ArgumentException($"The name '{tensor.Name}' is reserved or used twice.", nameof(tensors));
            }

            if (tensor.Shape.Any(long.IsNegative))
            {
                throw new ArgumentException($"Tensor '{tensor.Name}' has a negative extent.", nameof(tensors));
            }

            writer.WriteStartObject(tensor.Name);
            writer.WriteString("dtype", tensor.DType.SafetensorsName());
            writer.WriteStartArray("shape");
            foreach (long extent in tensor.Shape)
            {
                writer.WriteNumberValue(extent);
            }

            writer.WriteEndArray();
            long end = checked(begin + tensor.ByteLength);
            writer.WriteStartArray("data_offsets");
            writer.WriteNumberValue(begin);
            writer.WriteNumberValue(end);
            writer.WriteEndArray();
            writer.WriteEndObject();
            begin = end;
        }
    }
}
