namespace Interfuse.Checkpoints;

/// <summary>Where one tensor of a <see cref="CheckpointLayout"/> goes.</summary>
/// <param name="Shard">The index of its shard in <see cref="CheckpointLayout.Shards"/>.</param>
/// <param name="Info">The tensor and its byte range in that shard.</param>
public readonly record struct TensorPlacement(int Shard, TensorInfo Info);

/// <summary>Where every byte of a set of output tensors goes, fixed before any byte is written.</summary>
public sealed class CheckpointLayout
{
    /// <summary>The name of the file with <see cref="Index"/>.</summary>
    public const string IndexFileName = ShardIndex.FileName;

    private const string ModelStem = "model";

    private static readonly Dictionary<string, string> Metadata = new() { ["format"] = "pt" };

    private readonly TensorPlacement[] _placements;

    private CheckpointLayout(Shard[] shards, byte[]? index)
    {
        Shards = shards;
        Index = index;
        _placements = [.. shards.SelectMany((shard, i) => shard.Tensors.Select(info => new TensorPlacement(i, info)))];
        TotalBytes = shards.Sum(shard => shard.Length) + (index?.Length ?? 0);
    }

    /// <summary>The files to write, one at least.</summary>
    public IReadOnlyList<Shard> Shards { get; }

    /// <summary>
    /// The content of <c>model.safetensors.index.json</c>; null when there is one shard only, or another stem than a
    /// model's.
    /// </summary>
    public byte[]? Index { get; }

    /// <summary>The bytes of all files, headers and index included.</summary>
    public long TotalBytes { get; }

    /// <summary>The place of a tensor, by its position in the list given to <see cref="Create"/>.</summary>
    public TensorPlacement this[int tensor] => _placements[tensor];

    /// <summary>Lays tensors out in the given order.</summary>
    /// <remarks>
    /// A shard is closed when the next tensor would take its data over the limit; a tensor over the limit gets a shard
    /// of its own. A lone shard is called <c>model.safetensors</c>, or after the stem given.
    /// </remarks>
    /// <param name="tensors">The tensors, with distinct names.</param>
    /// <param name="maxShardBytes">The most tensor bytes in a shard; at least 1.</param>
    /// <param name="stem">What the files' names begin with.</param>
    /// <exception cref="ArgumentException">A name is used twice or reserved, or an extent is negative.</exception>
    public static CheckpointLayout Create(
        IReadOnlyList<TensorSpec> tensors, long maxShardBytes, string stem = ModelStem)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxShardBytes);
        var names = new HashSet<string>(StringComparer.Ordinal);
        if (tensors.FirstOrDefault(tensor => !names.Add(tensor.Name)) is { } repeated)
        {
            throw new ArgumentException($"The name '{repeated.Name}' is used twice.", nameof(tensors));
        }

        List<List<TensorSpec>> groups = Split(tensors, maxShardBytes);
        Shard[] shards = [.. groups.Select((group, i) => MakeShard(FileName(stem, i, groups.Count), group))];
        return new CheckpointLayout(shards, shards.Length == 1 || stem != ModelStem ? null : MakeIndex(shards));
    }

    private static List<List<TensorSpec>> Split(IReadOnlyList<TensorSpec> tensors, long maxShardBytes)
    {
        List<List<TensorSpec>> groups = [[]];
        long bytes = 0;
        foreach (TensorSpec tensor in tensors)
        {
            if (groups[^1].Count > 0 && tensor.ByteLength > maxShardBytes - bytes)
            {
                groups.Add([]);
                bytes = 0;
            }

            groups[^1].Add(tensor);
            bytes += tensor.ByteLength;
        }

        return groups;
    }

    private static string FileName(string stem, int shard, int count) =>
        count == 1 ? $"{stem}.safetensors" : $"{stem}-{shard + 1:D5}-of-{count:D5}.safetensors";

    private static Shard MakeShard(string fileName, List<TensorSpec> group)
    {
        byte[] header = SafetensorsHeader.Write(group, Metadata);
        var tensors = new List<TensorInfo>(group.Count);
        long offset = header.Length;
        foreach (TensorSpec tensor in group)
        {
            tensors.Add(new TensorInfo(tensor.Name, tensor.DType, tensor.Shape, offset, tensor.ByteLength));
            offset += tensor.ByteLength;
        }

        return new Shard(fileName, header, tensors, offset);
    }

    private static byte[] MakeIndex(Shard[] shards) =>
        ShardIndex.Write(
            shards.SelectMany(shard => shard.Tensors.Select(tensor => (tensor.Name, shard.FileName))),
            shards.Sum(shard => shard.Length - shard.Header.Length));

    /// <summary>One file of a layout.</summary>
    /// <param name="FileName">The name, without folders.</param>
    /// <param name="Header">The first bytes of the file; the first tensor follows at once.</param>
    /// <param name="Tensors">The tensors, one after the other.</param>
    /// <param name="Length">The length of the file in bytes.</param>
    public sealed record Shard(string FileName, byte[] Header, IReadOnlyList<TensorInfo> Tensors, long Length);
}
