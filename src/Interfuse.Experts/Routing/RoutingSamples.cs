namespace Interfuse.Experts.Routing;

/// <summary>Vectors of one length, each of a class.</summary>
/// <param name="width">d, the elements of a vector.</param>
/// <param name="classes">The class of each vector.</param>
/// <param name="values">[samples, d].</param>
internal sealed class RoutingSamples(int width, int[] classes, float[] values)
{
    /// <summary>d.</summary>
    public int Width { get; } = width;

    /// <summary>How many there are.</summary>
    public int Count => classes.Length;

    /// <summary>The class of each.</summary>
    public ReadOnlySpan<int> Classes => classes;

    /// <summary>One vector.</summary>
    public ReadOnlySpan<float> this[int sample] => values.AsSpan(sample * Width, Width);

    /// <summary>Some of the samples, in the order given.</summary>
    public RoutingSamples Take(IReadOnlyList<int> samples)
    {
        int[] chosen = new int[samples.Count];
        float[] chosenValues = new float[checked(samples.Count * Width)];
        for (int i = 0; i < chosen.Length; i++)
        {
            chosen[i] = classes[samples[i]];
            this[samples[i]].CopyTo(chosenValues.AsSpan(i * Width));
        }

        return new RoutingSamples(Width, chosen, chosenValues);
    }
}
