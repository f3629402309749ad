using Interfuse.Checkpoints;

namespace Interfuse.Experts;

/// <summary>The stored tensors of a pack that is being opened: schemes take theirs, and nothing may be left.</summary>
internal sealed class PackParts
{
    private readonly string _path;
    private readonly Dictionary<string, MappedTensor> _banks = new(StringComparer.Ordinal);
    private readonly Dictionary<string, MappedTensor> _tables = new(StringComparer.Ordinal);

    public PackParts(string path, IReadOnlyList<string> experts)
    {
        _path = path;
        Experts = experts;
    }

    /// <summary>The experts' names.</summary>
    public IReadOnlyList<string> Experts { get; }

    public void AddBank(MappedTensor bank) => _banks.Add(bank.Info.Name, bank);

    public void AddTable(MappedTensor table) => _tables.Add(table.Info.Name, table);

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

    /// <summary>Refuses what nothing has taken.</summary>
    public void CheckNothingLeft()
    {
        if (_banks.Values.Concat(_tables.Values).FirstOrDefault() is { } left)
        {
            throw new CheckpointFormatException(
                left.Path,
                $"has no use by what {PackManifest.FileName} says; the files are not of the same pack, make it again",
                left.Info.Name);
        }
    }

    private MappedTensor Take(Dictionary<string, MappedTensor> tensors, string name, string place) =>
        tensors.Remove(name, out MappedTensor? found)
            ? found
            : throw new CheckpointFormatException(
                Path.Combine(_path, PackManifest.FileName),
                $"is listed, but not in {place}; the files are not of the same pack, make it again",
                name);
}
