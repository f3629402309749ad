using System.Numerics;
using System.Runtime.InteropServices;

namespace Interfuse.Inference.Generation;

/// <summary>Finds the likeliest token.</summary>
internal static class GreatestLogit
{
    /// <summary>The place of the greatest, the lowest of equals; 0 where all are negative infinity.</summary>
    /// <exception cref="InterfuseException">A logit is NaN: the model's weights, or a merge, are broken.</exception>
    public static int Find(ReadOnlySpan<float> logits)
    {
        float greatest = float.NegativeInfinity;
        int done = 0;
        if (logits.Length >= Vector<float>.Count)
        {
            ReadOnlySpan<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(logits);
            var most = new Vector<float>(float.NegativeInfinity);
            Vector<int> numbers = Vector<int>.AllBitsSet;
            foreach (Vector<float> vector in vectors)
            {
                numbers &= Vector.Equals(vector, vector);
                most = Vector.ConditionalSelect(Vector.GreaterThan(vector, most), vector, most);
            }

            if (numbers != Vector<int>.AllBitsSet)
            {
                throw BrokenModel.Error();
            }

            for (int lane = 0; lane < Vector<float>.Count; lane++)
            {
                greatest = most[lane] > greatest ? most[lane] : greatest;
            }

            done = vectors.Length * Vector<float>.Count;
        }

        for (; done < logits.Length; done++)
        {
            if (float.IsNaN(logits[done]))
            {
                throw BrokenModel.Error();
            }

            greatest = logits[done] > greatest ? logits[done] : greatest;
        }

        return FirstOf(logits, greatest);
    }

    // The first element that equals a number, which one of them does; zeros of both signs are equal.
    private static int FirstOf(ReadOnlySpan<float> logits, float number)
    {
        int start = 0;
        if (logits.Length >= Vector<float>.Count)
        {
            var wanted = new Vector<float>(number);
            foreach (Vector<float> vector in MemoryMarshal.Cast<float, Vector<float>>(logits))
            {
                if (Vector.EqualsAny(vector, wanted))
                {
                    break;
                }

                start += Vector<float>.Count;
            }
        }

        while (logits[start] != number)
        {
            start++;
        }

        return start;
    }
}
