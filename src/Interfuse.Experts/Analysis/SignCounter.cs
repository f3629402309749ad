using System.Numerics;
using System.Runtime.InteropServices;

namespace Interfuse.Experts.Analysis;

/// <summary>Counts parameters that several experts changed, and those that they changed in different directions.</summary>
internal sealed class SignCounter
{
    private readonly int[] _raised;
    private readonly int[] _lowered;
    private readonly int[] _contested;

    public SignCounter(int maxLength)
    {
        // Whole vectors; what is behind the last element stays unchanged and counts for nothing.
        int length = (maxLength + Vector<float>.Count - 1) / Vector<float>.Count * Vector<float>.Count;
        _raised = new int[length];
        _lowered = new int[length];
        _contested = new int[length];
    }

    /// <summary>How many elements a block's buffer must have room for.</summary>
    public int Room => _raised.Length;

    public void Begin()
    {
        _raised.AsSpan().Clear();
        _lowered.AsSpan().Clear();
        _contested.AsSpan().Clear();
    }

    /// <summary>Takes in an expert's deltas; the rest of the last vector is 0.</summary>
    public void Add(ReadOnlySpan<float> deltas)
    {
        ReadOnlySpan<Vector<float>> values = MemoryMarshal.Cast<float, Vector<float>>(deltas);
        Span<Vector<int>> raised = MemoryMarshal.Cast<int, Vector<int>>(_raised.AsSpan());
        Span<Vector<int>> lowered = MemoryMarshal.Cast<int, Vector<int>>(_lowered.AsSpan());
        Span<Vector<int>> contested = MemoryMarshal.Cast<int, Vector<int>>(_contested.AsSpan());
        for (int i = 0; i < values.Length; i++)
        {
            // A NaN is neither above 0 nor below.
            Vector<int> up = Vector.GreaterThan(values[i], Vector<float>.Zero);
            Vector<int> down = Vector.LessThan(values[i], Vector<float>.Zero);
            contested[i] |= (raised[i] | lowered[i]) & (up | down);
            raised[i] |= up;
            lowered[i] |= down;
        }
    }

    /// <summary>What all experts since <see cref="Begin"/> come to.</summary>
    public (long Contested, long Conflicting) Count()
    {
        // A mask's lane is -1.
        Vector<int> contested = Vector<int>.Zero;
        Vector<int> conflicting = Vector<int>.Zero;
        for (int i = 0; i < _raised.Length; i += Vector<int>.Count)
        {
            contested -= new Vector<int>(_contested, i);
            conflicting -= new Vector<int>(_raised, i) & new Vector<int>(_lowered, i);
        }

        return (Vector.Sum(contested), Vector.Sum(conflicting));
    }
}
