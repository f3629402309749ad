using System.Text.Json.Nodes;

namespace Interfuse.Checkpoints;

/// <summary>A <c>model.safetensors.index.json</c>: which shard holds which tensor.</summary>
internal sealed class ShardIndex
{
    public const string FileName = "model.safetensors.index.json";

    private ShardIndex(string path, Dictionary<string, string> shardOf)
    {
        Path = path;
        ShardOf = shardOf;
    }

    public string Path { get; }

    /// <summary>Tensor name to shard file name.</summary>
    public IReadOnlyDictionary<string, string> ShardOf { get; }

    /// <summary>The distinct shard file names, in order.</summary>
    public IEnumerable<string> Shards => ShardOf.Values.Distinct().Order(StringComparer.Ordinal);

    public static ShardIndex Read(string path)
    {
        if (JsonFile.ReadObject(path)["weight_map"] is not JsonObject map)
        {
            throw new CheckpointFormatException(path, "has no object 'weight_map'; repair it or download it again");
        }

        var shardOf = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string tensor, JsonNode? node) in map)
        {
            string? shard = node is JsonValue value && value.TryGetValue(out string? text) ? text : null;
            if (shard is null || !IsPlainFileName(shard))
            {
                throw new CheckpointFormatException(
                    path,
                    $"is placed in {node?.ToJsonString() ?? "null"}, which is not the name of a .safetensors file "
                    + "beside the index; shard names must not contain folders",
                    tensor);
            }

            shardOf.Add(tensor, shard);
        }

        return new ShardIndex(path, shardOf);
    }

    /// <summary>Makes the file's content.</summary>
    public static byte[] Write(IEnumerable<(string Tensor, string Shard)> placements, long tensorBytes)
    {
        var map = new JsonObject();
        foreach ((string tensor, string shard) in placements)
        {
            map.Add(tensor, shard);
        }

        return JsonFile.Write(new JsonObject
        {
            ["metadata"] = new JsonObject { ["total_size"] = tensorBytes },
            ["weight_map"] = map,
        });
    }

    /// <summary>Checks that the shards hold what the index says, each tensor once.</summary>
    public void Check(IReadOnlyList<CheckpointTensor> tensors)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (CheckpointTensor tensor in tensors)
        {
            string shard = System.IO.Path.GetFileName(tensor.File.Path);
            if (!found.TryAdd(tensor.Name, shard))
            {
                throw Fault($"is in two shards, {found[tensor.Name]} and {shard}", tensor.Name);
            }
        }

        foreach ((string tensor, string shard) in found)
        {
            string? listed = ShardOf.GetValueOrDefault(tensor);
            if (listed != shard)
            {
                string index = listed is null ? "the index does not list it" : $"the index lists it in {listed}";
                throw Fault($"is in {shard}, but {index}", tensor);
            }
        }

        foreach ((string tensor, string shard) in ShardOf)
        {
            if (!found.ContainsKey(tensor))
            {
                throw Fault($"is listed in {shard}, which lacks it", tensor);
            }
        }
    }

    private static bool IsPlainFileName(string name) =>
        name.EndsWith(".safetensors", StringComparison.Ordinal)
        && name.AsSpan().IndexOfAny("/\\:\0") < 0
        && !name.StartsWith("..", StringComparison.Ordinal);

    private CheckpointFormatException Fault(string found, string tensor) =>
        new(Path, $"{found}; the index and the shards are not of the same checkpoint, download both again", tensor);
}
