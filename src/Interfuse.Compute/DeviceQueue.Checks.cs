using Interfuse.Checkpoints;

namespace Interfuse.Compute;

public abstract partial class DeviceQueue
{
    private static void CheckLength(long actual, long expected, string name)
    {
        if (actual != expected)
        {
            throw new ArgumentException($"The length is {actual}, but {expected} is needed.", name);
        }
    }

    private static void CheckByteLength(int bytes, DeviceSpan span, string name)
    {
        if (bytes != span.ByteLength)
        {
            throw new ArgumentException($"{bytes} bytes are not {span.Length} elements of {span.DType.SafetensorsName()}.", name);
        }
    }

    private static void CheckArithmetic(DeviceSpan span)
    {
        if (!span.DType.IsArithmetic())
        {
            throw new ArgumentException(
                $"There is no arithmetic on {span.DType.SafetensorsName()}; give BF16, F16, F32 or F64.", nameof(span));
        }
    }

    private static void CheckElementwise(ReadOnlySpan<DeviceSpan> sources, DeviceSpan destination)
    {
        CheckArithmetic(destination);
        foreach (DeviceSpan source in sources)
        {
            CheckArithmetic(source);
            CheckLength(source.Length, destination.Length, nameof(sources));
            if (source.Overlaps(destination) && source != destination)
            {
                throw new ArgumentException(
                    "The destination overlaps a source without being the same elements.", nameof(destination));
            }
        }
    }

    private static void CheckFirstElement(long firstElement)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstElement);
        if (firstElement % 8 != 0)
        {
            throw new ArgumentException($"{firstElement} is no multiple of 8.", nameof(firstElement));
        }
    }

    private static void CheckPair(DeviceSpan baseValues, DeviceSpan expert)
    {
        CheckArithmetic(baseValues);
        CheckArithmetic(expert);
        CheckLength(expert.Length, baseValues.Length, nameof(expert));
    }

    // A sweep gives one result per tile, and the first element is the first of a tile.
    private static void CheckSweep(DeviceSpan a, DeviceSpan b, int tiles, string name)
    {
        CheckPair(a, b);
        CheckLength(tiles, TileGrid.TileCount(a.Length), name);
    }

    private static void CheckCompaction(DeviceSpan baseValues, DeviceSpan expert, DeviceSpan values, DeviceSpan indices)
    {
        CheckArithmetic(values);
        CheckLength(indices.Length, values.Length, nameof(indices));
        if (indices.DType is not (DType.Int32 or DType.Int64)
            || (indices.DType == DType.Int32 && expert.Length > int.MaxValue))
        {
            throw new ArgumentException("Indices are Int64, or Int32 where that can count the elements.", nameof(indices));
        }

        if (values.Overlaps(indices) || values.Overlaps(baseValues) || values.Overlaps(expert)
            || indices.Overlaps(baseValues) || indices.Overlaps(expert))
        {
            throw new ArgumentException("Compaction writes to memory of its own.", nameof(values));
        }
    }

    private void CheckExperts(int experts, int terms)
    {
        if (experts == 0 || experts != terms)
        {
            throw new ArgumentException($"There are {experts} experts and {terms} weights; give at least one, and as many.");
        }

        if (experts > Device.MaxExperts)
        {
            throw new ArgumentException($"{Device.Name} takes up to {Device.MaxExperts} experts at once; there are {experts}.");
        }
    }

    private void CheckMerge(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TaskTerm> terms,
        long firstElement,
        DeviceSpan destination)
    {
        CheckExperts(experts.Length, terms.Length);
        CheckFirstElement(firstElement);
        CheckElementwise([baseValues], destination);
        CheckElementwise(experts, destination);
    }
}
