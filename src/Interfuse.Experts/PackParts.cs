using Interfuse.Checkpoints;

namespace Interfuse.Experts;

/// <summary>The stored tensors of a pack that is being opened: schemes take theirs, and nothing may be left.</summary>
internal sealed class PackParts
{
    private readonly string _path;
    private readonly Dictionary<string, MappedTensor> _banks = new(StringComparer.Ordinal);
    private readonly Dictionary<string, MappedTensor> _tables = new(StringComparer.Ordinal);
    private readonly Dictionary<string, MappedTensor> _parts = new(StringComparer.Ordinal);

    public PackParts(string path, IReadOnlyList<string> experts)
    {
        _path = path;
        Experts = experts;
    }

    /// <summary>The experts' names.</summary>
    public IReadOnlyList<string> Experts { get; }

    public void AddBank(MappedTensor bank) => _banks.Add(bank.Info.Name, bank);

    public void AddTable(MappedTensor table) => _tables.Add(table.Info.Name, table);

    /// <summary>Adds what is stored of a tensor beside what stands under its own name.</summary>
    /// <exception cref="CheckpointFormatException">Another file has a part of this name.</exception>
    public void AddPart(MappedTensor part)
    {
        if (!_parts.TryAdd(part.Info.Name, part))
        {
            throw new CheckpointFormatException(
                part.Path, $"is in {Path.GetFileName(_parts[part.Info.Name].Path)} too; the pack is damaged, make it again", part.Info.Name);
        }
    }

    /// <summary>Takes what is stored under a tensor's own name.</summary>
    public MappedTensor TakeBank(TensorSpec tensor)
    {
        MappedTensor bank = Take(_banks, tensor.Name, "the safetensors files of the pack");
        return bank.Info.DType == tensor.DType
            ? bank
            : throw new CheckpointFormatException(
                bank.Path,
                $"is of type {bank.Info.DType.SafetensorsName()}, and {PackManifest.FileName} says "
                + $"{tensor.DType.SafetensorsName()}; the pack is damaged, make it again",
                tensor.Name);
    }

    /// <summary>Takes the table of a tensor.</summary>
    public MappedTensor TakeTable(TensorSpec tensor) => Take(_tables, tensor.Name, PackManifest.IndexFileName);

    /// <summary>Takes what stands in its own shape and type under a tensor's own name.</summary>
    public MappedTensor TakeWhole(TensorSpec tensor) => CheckShape(TakeBank(tensor), tensor.Shape.AsSpan());

    /// <summary>Takes a part of a tensor, whose shape the scheme checks.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="part">The part's name: what it is stored under is the tensor's, a dot, and this.</param>
    /// <param name="dtypes">The types it may be of.</param>
    public MappedTensor TakePart(TensorSpec tensor, string part, params ReadOnlySpan<DType> dtypes)
    {
        MappedTensor found = Take(_parts, $"{tensor.Name}.{part}", PackManifest.PartsFileName, tensor.Name);
        return dtypes.Contains(found.Info.DType)
            ? found
            : throw Unfit(found, string.Join(" or ", dtypes.ToArray().Select(dtype => dtype.SafetensorsName())));
    }

    /// <summary>Takes a part of a tensor and checks its type and shape.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="part">The part's name.</param>
    /// <param name="dtype">The type it must be of.</param>
    /// <param name="shape">The shape it must have.</param>
    public MappedTensor TakePart(TensorSpec tensor, string part, DType dtype, ReadOnlySpan<long> shape) =>
        CheckShape(TakePart(tensor, part, dtype), shape);

    /// <summary>What to say of a part that is of another type or shape than its scheme needs.</summary>
    public static CheckpointFormatException Unfit(MappedTensor found, string expected) => new(
        found.Path,
        $"is {found.Info.DType.SafetensorsName()} [{string.Join(", ", found.Info.Shape)}], where {expected} is expected; the "
        + "pack is damaged, make it again",
        found.Info.Name);

    /// <summary>Refuses what nothing has taken.</summary>
    public void CheckNothingLeft()
    {
        if (_banks.Values.Concat(_tables.Values).Concat(_parts.Values).FirstOrDefault() is { } left)
        {
            throw new CheckpointFormatException(
                left.Path,
                $"has no use by what {PackManifest.FileName} says; the files are not of the same pack, make it again",
                left.Info.Name);
        }
    }

    private MappedTensor Take(
        Dictionary<string, MappedTensor> tensors, string name, string place, string? tensor = null) =>
        tensors.Remove(name, out MappedTensor? found)
            ? found
            : throw new CheckpointFormatException(
                Path.Combine(_path, PackManifest.FileName),
                (tensor is null ? "is listed, but not" : $"is listed, but there is no '{name}'")
                + $" in {place}; the files are not of the same pack, make it again",
                tensor ?? name);

    private static MappedTensor CheckShape(MappedTensor found, ReadOnlySpan<long> shape) =>
        found.Info.Shape.AsSpan().SequenceEqual(shape)
            ? found
            : throw Unfit(found, $"[{string.Join(", ", shape.ToArray())}]");
}
