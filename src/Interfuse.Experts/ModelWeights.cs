using System.Diagnostics.CodeAnalysis;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts.Routing;

namespace Interfuse.Experts;

/// <summary>The weights to run a model with: a plain model's, or those of every expert of a pack.</summary>
/// <remarks>Files are mapped: opening takes milliseconds, and on a CPU nothing is copied when a tensor is
/// loaded.</remarks>
public abstract class ModelWeights : IDisposable
{
    /// <summary>The full path of the directory.</summary>
    public abstract string Path { get; }

    /// <summary>The model's <c>config.json</c>.</summary>
    public abstract ModelConfig Config { get; }

    /// <summary>The experts' names; empty for a plain model, which counts as one expert.</summary>
    public abstract IReadOnlyList<string> Experts { get; }

    /// <summary>How many experts there are; 1 for a plain model.</summary>
    public int ExpertCount => Math.Max(1, Experts.Count);

    /// <summary>Whether <see cref="OpenRouter"/> finds a router.</summary>
    public virtual bool HasRouter => false;

    /// <summary>The SHA-256 that the model is known by again, see <see cref="PackIdentity"/>.</summary>
    /// <remarks>A pack lists its files' hashes; a plain model's files are read whole.</remarks>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was asked for.</exception>
    public abstract string Identify(CancellationToken cancellation = default);

    /// <summary>Opens a model's directory or a pack.</summary>
    /// <param name="path">The directory.</param>
    /// <exception cref="CheckpointFormatException">There is neither a model nor a pack, or it is incomplete or unsound,
    /// or has no <c>config.json</c>.</exception>
    /// <exception cref="IOException">A file cannot be opened, read or mapped.</exception>
    public static ModelWeights Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return ExpertPack.IsPack(path) ? PackWeights.Open(path) : CheckpointWeights.Open(path);
    }

    /// <summary>The place of an expert in <see cref="Experts"/>.</summary>
    /// <param name="name">Its name, exactly.</param>
    /// <exception cref="InterfuseException">There is none of this name, or this is a plain model.</exception>
    public abstract int FindExpert(string name);

    /// <summary>Reads a mixture of the experts, see <see cref="ExpertMix.Parse"/>.</summary>
    /// <param name="text">The text, for example <c>math=0.7,code=0.3</c>.</param>
    /// <exception cref="InterfuseException">The text is no mixture of these experts, or this is a plain
    /// model.</exception>
    public ExpertMix FindMix(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Experts.Count > 0
            ? ExpertMix.ParseOf(Path, text, Experts)
            : throw new InterfuseException(
                $"{Path}: is a plain model without experts; leave out the mixture '{text}', or give an expert pack.");
    }

    /// <summary>Reads the pack's router, see <see cref="ExpertPack.OpenRouter"/>.</summary>
    /// <exception cref="InterfuseException">This is a plain model, or the pack has no router.</exception>
    /// <exception cref="CheckpointFormatException">The router is damaged, or another pack's.</exception>
    /// <exception cref="IOException">It cannot be opened or read.</exception>
    public virtual PackRouter OpenRouter() => throw new InterfuseException(
        $"{Path}: is a plain model without experts, so there is nothing to route; leave out --route, or give an expert pack.");

    /// <summary>Finds a tensor by its exact name.</summary>
    public abstract bool TryFind(string name, [NotNullWhen(true)] out TensorSpec? tensor);

    /// <summary>Brings a tensor to a device, once for all experts.</summary>
    /// <param name="name">A name that <see cref="TryFind"/> finds, of a tensor with elements.</param>
    /// <param name="queue">A queue of the device.</param>
    /// <exception cref="CheckpointFormatException">There is no such tensor.</exception>
    /// <exception cref="InvalidOperationException">The tensor has no elements.</exception>
    /// <exception cref="OutOfDeviceMemoryException">The device is full.</exception>
    public abstract LoadedTensor Load(string name, DeviceQueue queue);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the files; what has been loaded stays.</summary>
    protected abstract void Dispose(bool disposing);

    private protected static ModelConfig Require(ModelConfig? config, string path) => config
        ?? throw new CheckpointFormatException(path, "has no config.json, which says how the model is run; copy it there");
}
