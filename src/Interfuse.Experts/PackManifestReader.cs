using System.Text.Json;
using Interfuse.Checkpoints;
using Interfuse.Experts.Schemes;

namespace Interfuse.Experts;

/// <summary>Reads a <c>pack.json</c>, trusting nothing in it.</summary>
internal sealed class PackManifestReader(string path)
{
    // 64 MiB: a hundred times what the largest models need.
    private const long MaxBytes = 64L << 20;
    private const int MaxNameLength = 4096;

    // As many extents as a safetensors header may have.
    private const int MaxExtents = 64;
    private const string Repair = "the pack is damaged, or was not made by Interfuse; make it again";

    private static readonly string[] TensorProperties =
        ["name", "scheme", "dtype", "shape", "delta_energy", "lost_energy"];

    private static readonly string[] FileProperties = ["name", "bytes", "sha256"];

    private static readonly string[] LayerProperties = ["name", "conflict", "routed"];

    public PackManifest Read() => Parse(ReadBytes());

    /// <summary>The file's bytes, if they are not too many.</summary>
    public byte[] ReadBytes()
    {
        using FileStream stream = File.OpenRead(path);
        if (stream.Length > MaxBytes)
        {
            throw Fault($"is {stream.Length} bytes long, over the limit of {MaxBytes} for a manifest; {Repair}");
        }

        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    public PackManifest Parse(byte[] bytes)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes, new() { AllowDuplicateProperties = false });
            return Manifest(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException is how the parser reports a string that is not valid Unicode.
            throw Fault($"is not valid JSON ({e.Message}); {Repair}");
        }
    }

    private PackManifest Manifest(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw Fault($"is not a JSON object; {Repair}");
        }

        CheckVersion(root);
        string[] experts = Names(Array(root, "experts"));
        return new PackManifest(
            Text(root, "method", "the manifest"),
            experts,
            Count(root, "ensemble_bytes", null),
            Tensors(Array(root, "tensors"), experts.Length),
            Files(Array(root, "files")),
            Layers(root));
    }

    private void CheckVersion(JsonElement root)
    {
        string format = Text(root, "format", "the manifest");
        if (format != PackManifest.Format)
        {
            throw Fault($"has the format '{format}', where '{PackManifest.Format}' is expected; give the directory of an "
                + "expert pack");
        }

        long version = Count(root, "version", null);
        if (version is < 1 or > PackManifest.Version)
        {
            throw Fault($"has version {version} of the format, and this Interfuse reads versions 1 to "
                + $"{PackManifest.Version}; update Interfuse");
        }
    }

    private string[] Names(JsonElement list)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (JsonElement element in list.EnumerateArray())
        {
            string name = element.ValueKind == JsonValueKind.String ? element.GetString()! : "";
            if (name.Length is 0 or > MaxNameLength || name.Any(char.IsControl))
            {
                throw Fault($"expert {names.Count} has no name of 1 to {MaxNameLength} characters without control "
                    + $"characters; {Repair}");
            }

            if (!names.Add(name))
            {
                throw Fault($"has two experts named '{name}'; {Repair}");
            }
        }

        return names.Count > 0 ? [.. names] : throw Fault($"names no expert, and a pack has one at least; {Repair}");
    }

    private PackTensorEntry[] Tensors(JsonElement list, int experts)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var entries = new List<PackTensorEntry>();
        foreach (JsonElement element in list.EnumerateArray())
        {
            CheckObject(element, $"tensor {entries.Count}", TensorProperties);
            string name = Text(element, "name", $"tensor {entries.Count}");
            if (!names.Add(name))
            {
                throw Fault($"is listed twice; {Repair}", name);
            }

            string scheme = Text(element, "scheme", "the entry", name);
            if (!PackScheme.Names.Contains(scheme))
            {
                throw Fault($"is stored by the scheme '{scheme}', and this Interfuse knows "
                    + $"{string.Join(", ", PackScheme.Names)}; update Interfuse", name);
            }

            string dtype = Text(element, "dtype", "the entry", name);
            if (!DTypes.TryParseSafetensors(dtype, out DType type))
            {
                throw Fault($"has the unknown dtype '{dtype}'; {Repair}", name);
            }

            long[] shape = Shape(element, name);
            CheckSize(new TensorSpec(name, type, [.. shape]), experts);
            entries.Add(new PackTensorEntry(
                name, scheme, dtype, shape,
                Energies(element, "delta_energy", experts, name), Energies(element, "lost_energy", experts, name)));
        }

        return [.. entries];
    }

    private long[] Shape(JsonElement entry, string tensor)
    {
        JsonElement list = Array(entry, "shape", tensor);
        if (list.GetArrayLength() > MaxExtents)
        {
            throw Fault($"has {list.GetArrayLength()} extents, over the limit of {MaxExtents}; {Repair}", tensor);
        }

        return
        [
            .. list.EnumerateArray().Select(extent =>
                extent.ValueKind == JsonValueKind.Number && extent.TryGetInt64(out long value) && value >= 0
                    ? value
                    : throw Fault($"has the extent {Shown(extent)}, no integer from 0 to 2^63 - 1; {Repair}", tensor)),
        ];
    }

    // Every figure about the tensor, its table and all experts' values of it must fit 64 bits.
    private void CheckSize(TensorSpec tensor, int experts)
    {
        try
        {
            var matrix = TensorMatrix.Of(tensor.Shape);
            _ = checked(tensor.ByteLength * experts);
            _ = checked(matrix.Rows * experts * sizeof(int));
            _ = checked(matrix.Columns * tensor.DType.Size());
        }
        catch (OverflowException)
        {
            throw Fault($"has the shape [{string.Join(", ", tensor.Shape)}], more than 64 bits can count; {Repair}", tensor.Name);
        }
    }

    private double[]? Energies(JsonElement entry, string property, int experts, string tensor)
    {
        if (!entry.TryGetProperty(property, out JsonElement list) || list.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        double[] energies = list.ValueKind != JsonValueKind.Array
            ? []
            :
            [
                .. list.EnumerateArray().Select(element =>
                    element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out double energy)
                        ? energy
                        : double.NaN),
            ];
        return energies.Length == experts && energies.All(energy => double.IsFinite(energy) && energy >= 0)
            ? energies
            : throw Fault($"has a '{property}' that is not {experts} finite numbers, none negative; {Repair}", tensor);
    }

    private PackLayerEntry[]? Layers(JsonElement root)
    {
        if (!root.TryGetProperty("layers", out _))
        {
            return null;
        }

        var entries = new List<PackLayerEntry>();
        foreach (JsonElement element in Array(root, "layers").EnumerateArray())
        {
            string place = $"layer {entries.Count}";
            CheckObject(element, place, LayerProperties);
            string name = Text(element, "name", place);
            if (!element.TryGetProperty("conflict", out JsonElement number) || number.ValueKind != JsonValueKind.Number
                || !number.TryGetDouble(out double conflict) || conflict is not (>= 0 and <= 1))
            {
                throw Fault($"gives the layer '{name}' no 'conflict' from 0 to 1; {Repair}");
            }

            if (!element.TryGetProperty("routed", out JsonElement routed)
                || routed.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
            {
                throw Fault($"gives the layer '{name}' no 'routed' that is true or false; {Repair}");
            }

            entries.Add(new PackLayerEntry(name, conflict, routed.GetBoolean()));
        }

        return [.. entries];
    }

    private PackFileEntry[] Files(JsonElement list)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var entries = new List<PackFileEntry>();
        foreach (JsonElement element in list.EnumerateArray())
        {
            string place = $"file {entries.Count}";
            CheckObject(element, place, FileProperties);
            string name = Text(element, "name", place);
            if (!IsPlainFileName(name) || name is PackManifest.FileName or PackManifest.HashFileName)
            {
                throw Fault($"lists the file '{name}', which is not the name of another file in the pack's own directory; "
                    + Repair);
            }

            if (!names.Add(name))
            {
                throw Fault($"lists the file '{name}' twice; {Repair}");
            }

            string hash = Text(element, "sha256", $"file '{name}'");
            if (hash.Length != 64 || !hash.All(char.IsAsciiHexDigitLower))
            {
                throw Fault($"gives the file '{name}' a 'sha256' that is not 64 lower-case hexadecimal digits; {Repair}");
            }

            entries.Add(new PackFileEntry(name, Count(element, "bytes", $"file '{name}'"), hash));
        }

        return [.. entries];
    }

    private static bool IsPlainFileName(string name) =>
        name.AsSpan().IndexOfAny("/\\:") < 0
        && !name.StartsWith("..", StringComparison.Ordinal)
        && name != "."
        && !name.Any(char.IsControl);

    private void CheckObject(JsonElement element, string place, string[] known)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Fault($"{place} is not a JSON object; {Repair}");
        }

        foreach (JsonProperty property in element.EnumerateObject())
        {
            if (!known.Contains(property.Name))
            {
                throw Fault($"{place} has the property '{property.Name}', which is none of {string.Join(", ", known)}; update "
                    + "Interfuse, or make the pack again");
            }
        }
    }

    private JsonElement Array(JsonElement parent, string property, string? tensor = null) =>
        parent.TryGetProperty(property, out JsonElement list) && list.ValueKind == JsonValueKind.Array
            ? list
            : throw Fault($"has no array '{property}'; {Repair}", tensor);

    private string Text(JsonElement parent, string property, string place, string? tensor = null) =>
        parent.TryGetProperty(property, out JsonElement text) && text.ValueKind == JsonValueKind.String
        && text.GetString() is { Length: > 0 } value
            ? value
            : throw Fault($"{place} has no '{property}' that is a text; {Repair}", tensor);

    private long Count(JsonElement parent, string property, string? place) =>
        parent.TryGetProperty(property, out JsonElement number) && number.ValueKind == JsonValueKind.Number
        && number.TryGetInt64(out long value) && value >= 0
            ? value
            : throw Fault($"{place ?? "the manifest"} has no '{property}' that is an integer from 0 to 2^63 - 1; {Repair}");

    private static string Shown(JsonElement element)
    {
        string text = element.GetRawText();
        return text.Length <= 40 ? text : text[..40] + "...";
    }

    private CheckpointFormatException Fault(string reason, string? tensor = null) => new(path, reason, tensor);
}
