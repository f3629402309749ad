using System.Text.RegularExpressions;
using Interfuse.Checkpoints;

namespace Interfuse.Cli;

/// <summary>What a model directory holds (<c>interfuse inspect</c>).</summary>
internal sealed partial record ModelReport(
    string Path, string? Architecture, int? Layers, long? VocabSize, bool? TiedEmbeddings,
    long Parameters, long WeightBytes, IReadOnlyList<FileReport> Files, IReadOnlyList<string> SideFiles,
    IReadOnlyList<TensorReport> Tensors)
{
    public static ModelReport Of(Checkpoint checkpoint) => new(
        checkpoint.Path,
        checkpoint.Config?.Architecture,
        checkpoint.Config?.LayerCount,
        checkpoint.Config?.VocabSize,
        checkpoint.Config?.TieWordEmbeddings,
        checkpoint.Tensors.Sum(tensor => tensor.ElementCount),
        checkpoint.WeightBytes,
        [.. checkpoint.Tensors.GroupBy(tensor => tensor.File).Select(file =>
            new FileReport(System.IO.Path.GetFileName(file.Key.Path), file.Count(), file.Key.Length))],
        checkpoint.SideFiles,
        [.. checkpoint.Tensors.Select(tensor =>
            new TensorReport(tensor.Name, tensor.DType.SafetensorsName(), [.. tensor.Shape]))]);

    public string ToText(bool everyTensor)
    {
        string head = Reports.ToText(
            Path,
            [
                ("architecture", Architecture),
                ("layers", Layers?.ToString()),
                ("vocabulary", VocabSize?.ToString()),
                ("tied head", TiedEmbeddings is { } tied ? (tied ? "yes" : "no") : null),
                ("parameters", Sizes.FormatParameters(Parameters)),
                ("weights", Sizes.Format(WeightBytes)),
                .. Reports.Column("files", Files.Select(file =>
                    $"{file.Name}  {Sizes.Count(file.Tensors, "tensor")}  {Sizes.Format(file.Bytes)}")),
                ("beside them", SideFiles.Count == 0 ? null : string.Join(", ", SideFiles)),
            ]);
        IEnumerable<string> lines = everyTensor
            ? Tensors.Select(tensor => tensor.ToText())
            : Tensors.GroupBy(tensor => tensor with { Name = LayerNumber().Replace(tensor.Name, ".*.") })
                .Select(kind => kind.Count() == 1 ? kind.First().ToText() : $"{kind.Key.ToText()}  x {kind.Count()}");
        return $"{head}\n\n{string.Join('\n', lines)}";
    }

    [GeneratedRegex(@"\.\d+\.")]
    private static partial Regex LayerNumber();
}

/// <summary>One weight file.</summary>
internal sealed record FileReport(string Name, int Tensors, long Bytes);

/// <summary>One tensor.</summary>
internal sealed record TensorReport(string Name, string Dtype, IReadOnlyList<long> Shape)
{
    public string ToText() => $"  {Dtype,-8} [{string.Join(", ", Shape)}]".PadRight(30) + $"  {Messages.OneLine(Name)}";

    // By content, so that tensors of one kind group together.
    public bool Equals(TensorReport? other) =>
        other is not null && Name == other.Name && Dtype == other.Dtype && Shape.SequenceEqual(other.Shape);

    public override int GetHashCode() => HashCode.Combine(Name, Dtype, Shape.Count);
}
