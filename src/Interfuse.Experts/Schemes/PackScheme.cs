using System.Collections.Frozen;
using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Schemes;

/// <summary>How one tensor of all experts is stored, and how an expert's is made of that.</summary>
internal abstract class PackScheme
{
    private static readonly FrozenDictionary<string, Func<TensorSpec, PackParts, PackScheme>> Known =
        new Dictionary<string, Func<TensorSpec, PackParts, PackScheme>>
        {
            [SharedScheme.Name] = (tensor, parts) => new SharedScheme(tensor, parts),
            [GroupedScheme.Name] = (tensor, parts) => new GroupedScheme(tensor, parts),
        }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The schemes' names, as <c>pack.json</c> has them.</summary>
    public static IEnumerable<string> Names { get; } = Known.Keys.Order(StringComparer.Ordinal).ToArray();

    /// <summary>
    /// Whether there is a tensor that the experts share, which <see cref="Copy"/> takes
    /// <see cref="LoadedTensor.SharedExpert"/> for.
    /// </summary>
    public virtual bool HasShared => false;

    /// <summary>Whether the tensor is one for all experts, and so for every mixture.</summary>
    public virtual bool IsAlike => false;

    /// <summary>R, the rows that are stored.</summary>
    public abstract long BankRows { get; }

    /// <summary>The bytes of what is stored, but for tables.</summary>
    public abstract long StoredBytes { get; }

    /// <summary>The bytes of the tables.</summary>
    public abstract long TableBytes { get; }

    /// <summary>Takes a tensor's parts and checks them, tables included, so that no later lookup can fail.</summary>
    /// <param name="scheme">One of <see cref="Names"/>.</param>
    /// <param name="tensor">The tensor of an expert.</param>
    /// <param name="parts">What the pack holds.</param>
    /// <exception cref="CheckpointFormatException">A part is missing or unfit.</exception>
    public static PackScheme Open(string scheme, TensorSpec tensor, PackParts parts) => Known[scheme](tensor, parts);

    /// <summary>Makes some bytes of one expert's tensor, on the calling thread.</summary>
    /// <param name="expert">The expert, or <see cref="LoadedTensor.SharedExpert"/> where there is one.</param>
    /// <param name="byteOffset">The first byte, counted from the tensor's first.</param>
    /// <param name="destination">Receives the bytes.</param>
    /// <param name="length">How many, within the tensor.</param>
    public abstract unsafe void Copy(int expert, long byteOffset, byte* destination, long length);

    /// <summary>Brings what is stored to a device, which computes with it there.</summary>
    /// <param name="tensor">The tensor this is the scheme of; it has elements.</param>
    /// <param name="queue">A queue of the device.</param>
    public abstract LoadedTensor Load(PackTensor tensor, DeviceQueue queue);
}
