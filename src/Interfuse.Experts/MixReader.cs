using System.Collections.Immutable;
using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts;

/// <summary>Adds up mixtures of stored tensors in the host's memory: the same bits as on a device.</summary>
internal static class MixReader
{
    // Elements of every part that are in the caches at once.
    private const int BlockElements = 4096;

    // Weights of so many parts are on the stack.
    private const int UsualParts = 64;

    private static readonly CpuKernels Kernels = new();

    [ThreadStatic]
    private static float[]? _widened;

    [ThreadStatic]
    private static byte[]? _stored;

    /// <summary>Makes some bytes of a mixture's tensor, on the calling thread.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="parts">What is added up, see <see cref="ExpertMix.PartsOf"/>.</param>
    /// <param name="byteOffset">The first byte; where several parts are added up, an element's first.</param>
    /// <param name="destination">Receives the bytes.</param>
    /// <param name="length">How many; where several parts are added up, whole elements.</param>
    /// <exception cref="InterfuseException">The parts differ, and their type has no arithmetic.</exception>
    public static unsafe void Copy(
        PackTensor tensor, ImmutableArray<ExpertShare> parts, long byteOffset, byte* destination, long length)
    {
        if (parts.Length == 1)
        {
            tensor.Storage.Copy(parts[0].Expert, byteOffset, destination, length);
            return;
        }

        int size = tensor.DType.Size();
        for (long start = 0; start < length; start += BlockElements * size)
        {
            var block = new Span<byte>(destination + start, (int)Math.Min(BlockElements * size, length - start));
            if (tensor.DType.IsArithmetic())
            {
                AddUp(tensor, parts, byteOffset + start, block);
            }
            else
            {
                CopySame(tensor, parts, byteOffset + start, block);
            }
        }
    }

    private static void AddUp(PackTensor tensor, ImmutableArray<ExpertShare> parts, long byteOffset, Span<byte> block)
    {
        // A row for each part, and one for the sum.
        int count = block.Length / tensor.DType.Size();
        Span<float> rows = Reserve(ref _widened, (parts.Length + 1) * BlockElements);
        Span<float> weights = parts.Length <= UsualParts ? stackalloc float[parts.Length] : new float[parts.Length];
        for (int part = 0; part < parts.Length; part++)
        {
            weights[part] = parts[part].Weight;
            Kernels.Widen(
                Stored(tensor, parts[part].Expert, byteOffset, block.Length),
                tensor.DType,
                rows.Slice(part * BlockElements, count));
        }

        Span<float> sum = rows.Slice(parts.Length * BlockElements, count);
        Kernels.LinearCombination(
            new Rows(rows[..(parts.Length * BlockElements)], parts.Length, count, BlockElements), weights, sum);
        Kernels.Narrow(sum, tensor.DType, block);
    }

    private static void CopySame(PackTensor tensor, ImmutableArray<ExpertShare> parts, long byteOffset, Span<byte> block)
    {
        Stored(tensor, parts[0].Expert, byteOffset, block.Length).CopyTo(block);
        foreach (ExpertShare part in parts.AsSpan()[1..])
        {
            if (!Stored(tensor, part.Expert, byteOffset, block.Length).SequenceEqual(block))
            {
                throw LoadedTensor.NoArithmetic(tensor.Spec);
            }
        }
    }

    private static unsafe Span<byte> Stored(PackTensor tensor, int expert, long byteOffset, int length)
    {
        Span<byte> bytes = Reserve(ref _stored, BlockElements * sizeof(double))[..length];
        fixed (byte* first = bytes)
        {
            tensor.Storage.Copy(expert, byteOffset, first, length);
        }

        return bytes;
    }

    private static Span<T> Reserve<T>(ref T[]? kept, int count)
    {
        if (kept is null || kept.Length < count)
        {
            kept = GC.AllocateUninitializedArray<T>(count);
        }

        return kept;
    }
}
