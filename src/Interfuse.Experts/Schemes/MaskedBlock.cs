using System.Numerics;
using System.Runtime.CompilerServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Schemes;

/// <summary>Makes stretches of experts' rows out of a base, a unified task vector and a mask, on the calling thread.</summary>
internal sealed class MaskedBlock
{
    /// <summary>The longest stretch, in whole words of a mask.</summary>
    public const int Length = TileGrid.BlockLength;

    private static readonly CpuKernels Kernels = new();

    [ThreadStatic]
    private static MaskedBlock? _current;

    private readonly float[] _values = new float[Length];
    private readonly float[] _unified = new float[Length];
    private readonly uint[] _mask = new uint[Length / MaskedBank.ColumnsPerWord];
    private readonly byte[] _made = new byte[Length * sizeof(double)];

    private MaskedBlock()
    {
    }

    /// <summary>The calling thread's.</summary>
    public static MaskedBlock Current => _current ??= new MaskedBlock();

    /// <summary>Makes the elements; they last until the next call.</summary>
    /// <param name="dtype">The type of base, task vector and row.</param>
    /// <param name="baseValues">The base's.</param>
    /// <param name="unified">The task vector's.</param>
    /// <param name="mask">The mask's words, of which the first bit is the first element's.</param>
    /// <param name="scale">The expert's scale.</param>
    /// <param name="elements">How many, up to <see cref="Length"/>.</param>
    public unsafe ReadOnlySpan<byte> Make(
        DType dtype, byte* baseValues, byte* unified, byte* mask, float scale, int elements)
    {
        int size = dtype.Size();
        var stored = new ReadOnlySpan<byte>(baseValues, elements * size);
        Span<byte> made = _made.AsSpan(0, stored.Length);
        Span<uint> words = _mask.AsSpan(0, (int)MaskedBank.Words(elements));
        for (int word = 0; word < words.Length; word++)
        {
            words[word] = Unsafe.ReadUnaligned<uint>(mask + (word * sizeof(uint)));
        }

        if (!words.ContainsAnyExcept(0u))
        {
            stored.CopyTo(made);
            return made;
        }

        Span<float> values = _values.AsSpan(0, elements);
        Span<float> added = _unified.AsSpan(0, elements);
        Kernels.Widen(stored, dtype, values);
        Kernels.Widen(new ReadOnlySpan<byte>(unified, stored.Length), dtype, added);
        Kernels.AddMasked(values, added, words, scale, values);
        _ = Kernels.Narrow(values, dtype, made);
        for (int word = 0; word < words.Length; word++)
        {
            KeepBase(stored, ~words[word], word * MaskedBank.ColumnsPerWord * size, size, made);
        }

        return made;
    }

    // Elements outside the mask are the base's as they are stored, which widening and narrowing would change of NaNs, and
    // of every F64.
    private static void KeepBase(ReadOnlySpan<byte> stored, uint kept, int start, int size, Span<byte> made)
    {
        if (kept == uint.MaxValue)
        {
            int length = Math.Min(MaskedBank.ColumnsPerWord * size, made.Length - start);
            stored.Slice(start, length).CopyTo(made[start..]);
            return;
        }

        for (; kept != 0; kept &= kept - 1)
        {
            int place = start + (BitOperations.TrailingZeroCount(kept) * size);
            if (place < made.Length)
            {
                stored.Slice(place, size).CopyTo(made[place..]);
            }
        }
    }
}
