using Interfuse.Checkpoints;

namespace Interfuse.Experts.Encoders;

/// <summary>Where every byte of a pack goes.</summary>
internal sealed class PackLayout
{
    private readonly Dictionary<(int Tensor, string Part), int> _places = [];

    public PackLayout(PackPlan plan, IReadOnlyList<StoredTensor> tensors, IReadOnlyList<PackLayerEntry>? layers)
    {
        Tensors = tensors;
        Layers = layers;
        Banks = CheckpointLayout.Create([.. tensors.Select(tensor => tensor.Bank)], plan.Options.ShardSize);
        TensorSpec[] tables = [.. tensors.Where(tensor => tensor.HasTable).Select(tensor => new TensorSpec(
            tensor.Matrix.Spec.Name, DType.Int32, [plan.Experts.Count, tensor.Matrix.Channels]))];
        Index = tables.Length == 0 ? null : CheckpointLayout.Create(tables, long.MaxValue, stem: "index");
        var parts = new List<TensorSpec>();

        // Those of the largest elements first: so every part begins at a multiple of its element's size.
        foreach ((int tensor, StoredPart part) in Enumerable.Range(0, tensors.Count)
            .SelectMany(tensor => tensors[tensor].Parts.Select(part => (Tensor: tensor, Part: part)))
            .OrderByDescending(entry => entry.Part.DType.Size()))
        {
            _places.Add((tensor, part.Name), parts.Count);
            parts.Add(part.SpecOf(tensors[tensor].Matrix));
        }

        Parts = parts.Count == 0 ? null : CheckpointLayout.Create(parts, plan.Options.ShardSize, PackManifest.PartsStem);
        TensorBytes = tensors.Sum(tensor => tensor.TotalBytes(plan.Experts.Count));
    }

    /// <summary>The tensors, in the order of the plan.</summary>
    public IReadOnlyList<StoredTensor> Tensors { get; }

    /// <summary>The layers, where the method decided about them.</summary>
    public IReadOnlyList<PackLayerEntry>? Layers { get; }

    /// <summary>The files of what stands under the tensors' own names, one each.</summary>
    public CheckpointLayout Banks { get; }

    /// <summary>The file of the tables; null where there is none.</summary>
    public CheckpointLayout? Index { get; }

    /// <summary>The files of the parts; null where there is none.</summary>
    public CheckpointLayout? Parts { get; }

    /// <summary>Bytes of all tensors, tables and parts.</summary>
    public long TensorBytes { get; }

    /// <summary>What a table takes, per channel and expert.</summary>
    public const int TableEntryBytes = sizeof(int);

    /// <summary>The place of a part in <see cref="Parts"/>.</summary>
    public int PlaceOf(int tensor, string part) => _places[(tensor, part)];

    /// <summary>The places of all parts of a tensor.</summary>
    public IEnumerable<int> PlacesOf(int tensor) => Tensors[tensor].Parts.Select(part => PlaceOf(tensor, part.Name));
}
