using System.Globalization;
using Interfuse.Checkpoints;
using Interfuse.Experts;
using Interfuse.Experts.Routing;

namespace Interfuse.Cli;

/// <summary>What an expert pack holds (<c>interfuse inspect</c>).</summary>
internal sealed record PackReport(
    string Path, string Method, string? Architecture, int? Layers, IReadOnlyList<string> Experts,
    long StoredBytes, long EnsembleBytes, double? Share, IReadOnlyList<SchemeReport> Schemes,
    IReadOnlyList<PackLayerSummary> DecidedLayers, KeptEnergy Kept, IReadOnlyList<KeptEnergy> KeptByLayer,
    PackRouterReport? Router, IReadOnlyList<PackFileReport> Files, IReadOnlyList<string> SideFiles,
    IReadOnlyList<PackTensorReport> Tensors)
{
    // As many experts as fit beside each other on a screen; --json has all.
    private const int ExpertsShown = 8;
    private const int WidestName = 12;

    public static PackReport Of(ExpertPack pack)
    {
        long stored = pack.Tensors.Sum(tensor => tensor.StoredBytes + tensor.TableBytes);
        long ensemble = pack.Manifest.EnsembleBytes;
        return new PackReport(
            pack.Path,
            pack.Manifest.Method,
            pack.Config?.Architecture,
            pack.Config?.LayerCount,
            pack.Experts,
            stored,
            ensemble,
            ensemble > 0 ? (double)stored / ensemble : null,
            [.. pack.Tensors.GroupBy(tensor => tensor.Scheme).OrderBy(scheme => scheme.Key, StringComparer.Ordinal).Select(scheme =>
                new SchemeReport(
                    scheme.Key,
                    scheme.Count(),
                    scheme.Sum(tensor => tensor.StoredBytes),
                    scheme.Sum(tensor => tensor.TableBytes),
                    scheme.Sum(tensor => tensor.Spec.ByteLength) * pack.Experts.Count))],
            PackLayerSummary.Of(
                pack.Manifest, [.. pack.Tensors.Select(tensor => tensor.StoredBytes + tensor.TableBytes)]),
            KeptEnergy.OfModel(pack.Manifest),
            KeptEnergy.OfLayers(pack.Manifest),
            pack.HasRouter ? PackRouterReport.Of(pack.OpenRouter().Facts) : null,
            [.. pack.Manifest.Files.Where(file => file.Name.EndsWith(".safetensors", StringComparison.Ordinal))
                .Select(file => new PackFileReport(file.Name, file.Bytes))],
            pack.SideFiles,
            [.. pack.Tensors.Select(tensor => new PackTensorReport(
                tensor.Name, tensor.Scheme, tensor.DType.SafetensorsName(), [.. tensor.Shape], tensor.BankRows,
                tensor.StoredBytes, tensor.TableBytes))]);
    }

    public string ToText(bool everyTensor)
    {
        string head = Reports.ToText(
            Path,
            [
                ("expert pack", Method),
                ("architecture", Architecture),
                ("layers", Layers?.ToString(CultureInfo.InvariantCulture)),
                .. Reports.Column("experts", Experts),
                ("weights", $"{Sizes.Format(StoredBytes)}, {Percent(Share)} of the {Sizes.Format(EnsembleBytes)} that "
                    + $"{Sizes.Count(Experts.Count, "expert")} would take"),
                .. Reports.Column("schemes", Schemes.Select(scheme => scheme.ToText())),
                ("router", Router?.ToText()),
                .. Reports.Column("files", Files.Select(file => $"{file.Name}  {Sizes.Format(file.Bytes)}")),
                ("beside them", SideFiles.Count == 0 ? null : string.Join(", ", SideFiles)),
            ]);
        IEnumerable<string> sections = [head, .. LayerTable.Of(DecidedLayers), .. KeptTable(), .. everyTensor ? [TensorTable()] : Array.Empty<string>()];
        return string.Join("\n\n", sections);
    }

    public static string Percent(double? share) =>
        share is { } known ? $"{(known * 100).ToString("0.00", CultureInfo.InvariantCulture)} %" : "-";

    private IEnumerable<string> KeptTable()
    {
        if (KeptByLayer.Count == 0)
        {
            yield break;
        }

        int shown = Math.Min(Experts.Count, ExpertsShown);
        string[] names = [.. Experts.Take(shown).Select(name => Short(Messages.OneLine(name)))];
        string Line(string label, string all, IEnumerable<string> cells) =>
            $"  {label,-14}{all,10}" + string.Concat(cells.Select(cell => $"  {cell,WidestName}"));

        string Row(string label, KeptEnergy kept) =>
            Line(label, Percent(kept.All), kept.PerExpert.Take(shown).Select(share => Percent(share)));

        yield return string.Join('\n',
        [
            "Delta energy kept",
            Line("", "all", names),
            .. KeptByLayer.Select(kept => Row(kept.Layer is { } layer ? $"layer {layer}" : "outside layers", kept)),
            Row("model", Kept),
            .. Experts.Count > shown ? [$"  and {Experts.Count - shown} more experts: --json has all"] : Array.Empty<string>(),
        ]);
    }

    private string TensorTable() => string.Join('\n', Tensors.Select(tensor => tensor.ToText(Experts.Count)));

    private static string Short(string name) => name.Length <= WidestName ? name : $"{name[..(WidestName - 2)]}..";
}

/// <summary>What the tensors of one scheme take, and what they would take expert by expert.</summary>
internal sealed record SchemeReport(string Scheme, int Tensors, long StoredBytes, long TableBytes, long EnsembleBytes)
{
    public string ToText()
    {
        string tables = TableBytes == 0 ? "" : $" and {Sizes.Format(TableBytes)} of tables";
        double? share = EnsembleBytes == 0 ? null : (double)(StoredBytes + TableBytes) / EnsembleBytes;
        return $"{Scheme}  {Sizes.Count(Tensors, "tensor")}  {Sizes.Format(StoredBytes)}{tables}, {PackReport.Percent(share)} of "
            + Sizes.Format(EnsembleBytes);
    }
}

/// <summary>One file with weights or tables.</summary>
internal sealed record PackFileReport(string Name, long Bytes);

/// <summary>The router of a pack, and how it did on the prompts that were kept back.</summary>
internal sealed record PackRouterReport(int Depth, int HeldOutPrompts, double Accuracy)
{
    public static PackRouterReport Of(RouterFacts facts) => new(facts.Features.Depth, facts.HeldOutPrompts, facts.Accuracy);

    public string ToText() =>
        $"by {(Depth == 0 ? "embeddings" : $"the hidden state after {Sizes.Count(Depth, "layer")}")}, right for "
        + $"{PackReport.Percent(Accuracy)} of {Sizes.Count(HeldOutPrompts, "prompt")} held out";
}

/// <summary>One tensor of a pack.</summary>
internal sealed record PackTensorReport(
    string Name, string Scheme, string Dtype, IReadOnlyList<long> Shape, long BankRows, long StoredBytes, long TableBytes)
{
    public string ToText(int experts)
    {
        long rows = Shape.Count < 2 ? 1 : Shape[0];
        string stored = $"{Sizes.Count(BankRows, "row")} for {experts} x {rows}";
        return $"  {Scheme,-8} {Dtype,-8} [{string.Join(", ", Shape)}]".PadRight(40) + $"  {stored,-32}  {Messages.OneLine(Name)}";
    }
}
