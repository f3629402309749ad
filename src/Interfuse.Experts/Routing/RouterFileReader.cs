using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Interfuse.Checkpoints;

namespace Interfuse.Experts.Routing;

/// <summary>Reads a <c>router.safetensors</c>, trusting nothing in it.</summary>
internal sealed class RouterFileReader
{
    private const string Repair = "the router is damaged, or was not made by Interfuse; train it again";

    // Far above what any model's hidden state is wide.
    private const long MaxWidth = 1 << 20;

    private readonly SafetensorsFile _file;

    private RouterFileReader(SafetensorsFile file)
    {
        _file = file;
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="CheckpointFormatException">It is no sound router of a version known.</exception>
    /// <exception cref="IOException">It cannot be opened or read.</exception>
    public static PackRouter Read(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return new RouterFileReader(file).Read();
    }

    private PackRouter Read()
    {
        if (_file.Metadata.GetValueOrDefault("format") != RouterFile.Format)
        {
            throw Fault($"is no router: its header does not say '{RouterFile.Format}'; train the pack's router again");
        }

        int version = Whole("version");
        if (version is < 1 or > RouterFile.Version)
        {
            throw Fault(
                $"has version {version} of the format, and this Interfuse reads version {RouterFile.Version}; update Interfuse");
        }

        string[] experts = Experts();
        RouterFacts facts = Facts(experts);
        if (facts.Marks.Fault is { } fault)
        {
            throw Fault($"says that {fault}; {Repair}");
        }

        if (facts.Features.MaxTokens < 1)
        {
            throw Fault($"looks at {facts.Features.MaxTokens} tokens, and one at least is needed; {Repair}");
        }

        return new PackRouter(Weights(experts.Length), facts);
    }

    private string[] Experts()
    {
        try
        {
            string[] names = JsonSerializer.Deserialize<string[]>(Text("experts")) ?? [];
            return names.Length >= 2 && !names.Any(string.IsNullOrEmpty)
                ? names
                : throw Fault($"names {names.Length} experts, or one without a name, and two or more are needed; {Repair}");
        }
        catch (JsonException)
        {
            throw Fault($"has 'experts' that are no list of names; {Repair}");
        }
    }

    private RouterFacts Facts(string[] experts) => new(
        experts,
        Text("pack"),
        new RouterFeatures(Whole("depth"), Whole("max_tokens")),
        new RouteMarks(Real("low"), Real("high"), Real("mass")),
        Whole("training_prompts"),
        Whole("held_out_prompts"),
        Real("accuracy"),
        Real("error_before"),
        Real("error_after"));

    private RouterWeights Weights(int experts)
    {
        long width = _file.Tensors.FirstOrDefault(tensor => tensor.Name == "mean")?.ElementCount ?? 0;
        if (width is < 1 or > MaxWidth)
        {
            throw Fault($"has features of {width} elements, and 1 to {MaxWidth} are possible; {Repair}");
        }

        IReadOnlyList<(string Name, long[] Shape)> expected = RouterFile.Tensors(experts, width);
        if (_file.Tensors.Count != expected.Count)
        {
            throw Fault($"has {_file.Tensors.Count} tensors, where {expected.Count} are expected; {Repair}");
        }

        float[][] values = [.. expected.Select(tensor => Values(tensor.Name, tensor.Shape))];
        Positive("scale", values[1]);
        Positive("spread", values[5]);
        return new RouterWeights(
            values[0], values[1], values[2], values[3], values[4], values[5], AboveZero("temperature"), AboveZero("reach"));
    }

    private float[] Values(string name, long[] shape)
    {
        TensorInfo? tensor = _file.Tensors.FirstOrDefault(tensor => tensor.Name == name);
        if (tensor is null || tensor.DType != DType.Float32 || !tensor.Shape.AsSpan().SequenceEqual(shape))
        {
            string found = tensor is null
                ? "is missing"
                : $"is {tensor.DType.SafetensorsName()} [{string.Join(", ", tensor.Shape)}]";
            throw Fault($"{found}, where F32 [{string.Join(", ", shape)}] is expected; {Repair}", name);
        }

        // The header's ranges lie within the file, so that this is no more than the file is long.
        float[] values = new float[tensor.ElementCount];
        _file.Read(tensor, 0, MemoryMarshal.AsBytes(values.AsSpan()));
        return Array.TrueForAll(values, float.IsFinite)
            ? values
            : throw Fault($"holds numbers that are not finite; {Repair}", name);
    }

    private void Positive(string name, float[] values)
    {
        if (!Array.TrueForAll(values, value => value > 0))
        {
            throw Fault($"holds numbers that are not above 0; {Repair}", name);
        }
    }

    private string Text(string key) => _file.Metadata.TryGetValue(key, out string? text)
        ? text
        : throw Fault($"has no '{key}' in its header; {Repair}");

    private int Whole(string key) =>
        int.TryParse(Text(key), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw Fault($"has a '{key}' that is no whole number; {Repair}");

    private double Real(string key) =>
        double.TryParse(Text(key), NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
            ? number
            : throw Fault($"has a '{key}' that is no finite number; {Repair}");

    private double AboveZero(string key) => Real(key) is > 0 and var number
        ? number
        : throw Fault($"has a '{key}' that is not above 0; {Repair}");

    private CheckpointFormatException Fault(string reason, string? tensor = null) => new(_file.Path, reason, tensor);
}
