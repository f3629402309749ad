using System.Collections.Immutable;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts.Schemes;

namespace Interfuse.Experts;

/// <summary>A tensor of an open pack: what every expert has under its name, and how that is stored.</summary>
public sealed class PackTensor
{
    internal PackTensor(PackTensorEntry entry, PackParts parts)
    {
        Entry = entry;
        ExpertCount = parts.Experts.Count;
        _ = DTypes.TryParseSafetensors(entry.Dtype, out DType dtype);
        Spec = new TensorSpec(entry.Name, dtype, [.. entry.Shape]);
        (Rows, Columns) = TensorMatrix.Of(Spec.Shape);
        Storage = PackScheme.Open(entry.Scheme, Spec, parts);
    }

    /// <summary>What <c>pack.json</c> says about it.</summary>
    public PackTensorEntry Entry { get; }

    /// <summary>The tensor of an expert's model.</summary>
    public TensorSpec Spec { get; }

    /// <summary>Its name in an expert's model.</summary>
    public string Name => Spec.Name;

    /// <summary>Its element type.</summary>
    public DType DType => Spec.DType;

    /// <summary>Its shape in an expert's model.</summary>
    public ImmutableArray<long> Shape => Spec.Shape;

    /// <summary>The name of the scheme it is stored by.</summary>
    public string Scheme => Entry.Scheme;

    /// <summary>N, the experts of the pack.</summary>
    public int ExpertCount { get; }

    /// <summary>m, the rows (channels) of an expert's matrix: the first extent, or 1 where there are fewer than
    /// two.</summary>
    public long Rows { get; }

    /// <summary>n, the elements of a row.</summary>
    public long Columns { get; }

    /// <summary>The bytes of a row.</summary>
    public long RowBytes => Columns * DType.Size();

    /// <summary>R, the rows that are stored.</summary>
    public long BankRows => Storage.BankRows;

    /// <summary>The bytes that are stored for all experts, but for tables.</summary>
    public long StoredBytes => Storage.StoredBytes;

    /// <summary>The bytes of its tables.</summary>
    public long TableBytes => Storage.TableBytes;

    internal PackScheme Storage { get; }

    /// <summary>
    /// Brings the tensor to a device, once for all experts. On a <see cref="CpuDevice"/> that copies nothing: the mapped
    /// file is computed with, and stays mapped until what is returned, and the pack, are disposed of.
    /// </summary>
    /// <param name="queue">A queue of the device.</param>
    /// <exception cref="InvalidOperationException">The tensor has no elements, so there is nothing to load.</exception>
    /// <exception cref="OutOfDeviceMemoryException">The device is full.</exception>
    /// <exception cref="ObjectDisposedException">The pack is disposed of.</exception>
    public LoadedTensor Load(DeviceQueue queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        return Spec.ElementCount > 0
            ? Storage.Load(this, queue)
            : throw new InvalidOperationException($"The tensor '{Name}' has no elements to load.");
    }
}
