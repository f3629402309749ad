using System.Diagnostics.CodeAnalysis;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts.Routing;
using Interfuse.Experts.Schemes;

namespace Interfuse.Experts;

/// <summary>A plain model to run.</summary>
internal sealed class CheckpointWeights : ModelWeights
{
    private readonly Dictionary<string, MappedTensor> _tensors = new(StringComparer.Ordinal);
    private readonly List<MappedFile> _files = [];

    private CheckpointWeights(string path, ModelConfig config)
    {
        Path = path;
        Config = config;
    }

    public override string Path { get; }

    public override ModelConfig Config { get; }

    public override IReadOnlyList<string> Experts => [];

    public static new CheckpointWeights Open(string path)
    {
        using var checkpoint = Checkpoint.Open(path);
        var weights = new CheckpointWeights(checkpoint.Path, Require(checkpoint.Config, checkpoint.Path));
        try
        {
            weights.Map(checkpoint);
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    public override string Identify(CancellationToken cancellation) => PackIdentity.OfModel(Path, cancellation);

    public override int FindExpert(string name) => throw new InterfuseException(
        $"{Path}: is a plain model without experts; leave out the expert '{name}', or give an expert pack.");

    public override bool TryFind(string name, [NotNullWhen(true)] out TensorSpec? tensor)
    {
        tensor = _tensors.TryGetValue(name, out MappedTensor? found) ? Spec(found) : null;
        return tensor is not null;
    }

    public override LoadedTensor Load(string name, DeviceQueue queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        if (!_tensors.TryGetValue(name, out MappedTensor? tensor))
        {
            throw new CheckpointFormatException(Path, "is not in this model; see 'interfuse inspect MODEL --tensors'", name);
        }

        return tensor.Info.ElementCount > 0
            ? BankedTensor.Load(Spec(tensor), experts: 1, tensor, queue)
            : throw new InvalidOperationException($"The tensor '{name}' has no elements to load.");
    }

    protected override void Dispose(bool disposing) => _files.ForEach(file => file.Dispose());

    private static TensorSpec Spec(MappedTensor tensor) => new(tensor.Info.Name, tensor.Info.DType, tensor.Info.Shape);

    private void Map(Checkpoint checkpoint)
    {
        foreach (IGrouping<SafetensorsFile, CheckpointTensor> file in checkpoint.Tensors.GroupBy(tensor => tensor.File))
        {
            var mapped = MappedFile.Map(file.Key);
            _files.Add(mapped);
            foreach (CheckpointTensor tensor in file)
            {
                _tensors.Add(tensor.Name, new MappedTensor(mapped, tensor.Info));
            }
        }
    }
}
