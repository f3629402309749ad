using System.Collections.Immutable;
using System.Text.Json;

namespace Interfuse.Checkpoints;

/// <summary>
/// Turns the JSON of a safetensors header into tensors, checking each one against the size of the data.
/// </summary>
internal sealed class SafetensorsHeaderParser(string path, long dataStart, long dataLength)
{
    // As many dimensions as NumPy allows; also keeps error messages short.
    private const int MaxEntries = 64;

    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly List<TensorInfo> _tensors = [];
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    public IReadOnlyList<TensorInfo> Tensors => _tensors;

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    public void Parse(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        try
        {
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                string name = reader.GetString()!;
                if (!_names.Add(name))
                {
                    throw Fault("is in the header twice, so the file is damaged", name);
                }

                reader.Read();
                if (name == SafetensorsHeader.MetadataKey)
                {
                    ReadMetadata(ref reader);
                }
                else
                {
                    _tensors.Add(ReadTensor(ref reader, name));
                }
            }

            // Past the closing brace only white space may follow: the reader throws on anything else.
            reader.Read();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException is how the reader reports a string that is not valid UTF-8.
            throw Fault(
                $"its header is not valid JSON near byte {reader.BytesConsumed} ({e.Message}); the file is damaged, "
                + "download it again");
        }
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw Fault($"'{SafetensorsHeader.MetadataKey}' in its header is not a JSON object");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String || !_metadata.TryAdd(key, reader.GetString()!))
            {
                throw Fault($"'{SafetensorsHeader.MetadataKey}' key '{key}' in its header is not one string");
            }
        }
    }

    private TensorInfo ReadTensor(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw Fault("its header entry is not a JSON object", name);
        }

        DType? dtype = null;
        ImmutableArray<long>? shape = null;
        ImmutableArray<long>? range = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            switch (key)
            {
                case "dtype" when dtype is null:
                    dtype = ReadDType(ref reader, name);
                    break;
                case "shape" when shape is null:
                    shape = ReadIntegers(ref reader, key, name);
                    break;
                case "data_offsets" when range is null:
                    range = ReadIntegers(ref reader, key, name);
                    break;
                case "dtype" or "shape" or "data_offsets":
                    throw Fault($"its header entry has '{key}' twice", name);
                default:
                    // As in the reference implementation, later additions to the format are passed over.
                    reader.Skip();
                    break;
            }
        }

        if (dtype is null || shape is null || range is null)
        {
            throw Fault("its header entry lacks one of 'dtype', 'shape' and 'data_offsets'", name);
        }

        return MakeTensor(name, dtype.Value, shape.Value, range.Value);
    }

    private DType ReadDType(ref Utf8JsonReader reader, string name)
    {
        string found = reader.TokenType == JsonTokenType.String ? reader.GetString()! : $"({reader.TokenType})";
        return DTypes.TryParseSafetensors(found, out DType dtype)
            ? dtype
            : throw Fault($"its dtype '{found}' is unknown; convert the checkpoint to F32, F16 or BF16", name);
    }

    private ImmutableArray<long> ReadIntegers(ref Utf8JsonReader reader, string key, string name)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw Fault($"its '{key}' is not an array", name);
        }

        ImmutableArray<long>.Builder values = ImmutableArray.CreateBuilder<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long value) || value < 0)
            {
                throw Fault($"entry {values.Count} of its '{key}' is not an integer from 0 to 2^63 - 1", name);
            }

            if (values.Count == MaxEntries)
            {
                throw Fault($"its '{key}' has over {MaxEntries} entries", name);
            }

            values.Add(value);
        }

        return values.ToImmutable();
    }

    private TensorInfo MakeTensor(string name, DType dtype, ImmutableArray<long> shape, ImmutableArray<long> range)
    {
        if (range is not [long begin, long end] || begin > end)
        {
            throw Fault($"its 'data_offsets' [{string.Join(", ", range)}] are not a begin and an end", name);
        }

        long expected;
        try
        {
            expected = new TensorSpec(name, dtype, shape).ByteLength;
        }
        catch (OverflowException)
        {
            throw Fault($"its shape [{string.Join(", ", shape)}] has more bytes than 64 bits can count", name);
        }

        if (end - begin != expected)
        {
            throw Fault(
                $"its data is {end - begin} bytes long, but {dtype.SafetensorsName()} [{string.Join(", ", shape)}] "
                + $"takes {expected}; the file is damaged",
                name);
        }

        if (end > dataLength)
        {
            throw Fault(
                $"its data ends {end - dataLength} bytes beyond the end of the file: the file is truncated (an "
                + "unfinished download?) or its header is damaged",
                name);
        }

        return new TensorInfo(name, dtype, shape, dataStart + begin, expected);
    }

    private CheckpointFormatException Fault(string reason, string? tensor = null) => new(path, reason, tensor);
}
