using System.Diagnostics.CodeAnalysis;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts.Routing;

namespace Interfuse.Experts;

/// <summary>A pack to run models with.</summary>
internal sealed class PackWeights : ModelWeights
{
    private readonly ExpertPack _pack;

    private PackWeights(ExpertPack pack)
    {
        _pack = pack;
        Config = Require(pack.Config, pack.Path);
    }

    public override string Path => _pack.Path;

    public override ModelConfig Config { get; }

    public override IReadOnlyList<string> Experts => _pack.Experts;

    public static new PackWeights Open(string path)
    {
        var pack = ExpertPack.Open(path);
        try
        {
            return new PackWeights(pack);
        }
        catch
        {
            pack.Dispose();
            throw;
        }
    }

    public override bool HasRouter => _pack.HasRouter;

    public override string Identify(CancellationToken cancellation) => PackIdentity.Of(_pack.Manifest);

    public override int FindExpert(string name) => _pack.FindExpert(name);

    public override PackRouter OpenRouter() => _pack.OpenRouter();

    public override bool TryFind(string name, [NotNullWhen(true)] out TensorSpec? tensor)
    {
        tensor = _pack.TryFindTensor(name, out PackTensor? found) ? found.Spec : null;
        return tensor is not null;
    }

    public override LoadedTensor Load(string name, DeviceQueue queue) => _pack.FindTensor(name).Load(queue);

    protected override void Dispose(bool disposing) => _pack.Dispose();
}
