using Interfuse.Merging.Planning;

namespace Interfuse.Merging.Tests.Methods;

/// <summary>
/// Models of one float32 tensor, with values whose differences are exact in float32, so that equal means equal.
/// </summary>
internal sealed class VectorModels : IDisposable
{
    private readonly Workshop _workshop = new();

    /// <param name="elements">The tensor's length.</param>
    /// <param name="experts">How many models besides <c>base</c>; they are called e0, e1 and so on.</param>
    public VectorModels(int elements, int experts = 3)
    {
        Base = Write("base", elements, seed: 1000);
        Experts = [.. Enumerable.Range(0, experts).Select(expert => Write($"e{expert}", elements, seed: expert))];
    }

    /// <summary>Lengths that are one element, less than a vector, about a block, and several tiles and a bit.</summary>
    public static int[] Lengths { get; } = [1, 7, 1023, 1025, (2 * 65536) + 77];

    public double[] Base { get; }

    public double[][] Experts { get; }

    /// <summary>The experts' task vectors.</summary>
    public double[][] Deltas => [.. Experts.Select(expert => Formulas.Delta(expert, Base))];

    public double[] Merge(string yaml, MergeOptions? options = null) => _workshop.MergeVector(yaml, options);

    public void Dispose() => _workshop.Dispose();

    /// <summary>Asserts equality up to the float32 rounding of values of the size of a few units.</summary>
    public static void AssertClose(double[] actual, double[] expected)
    {
        Assert.That(actual, Has.Length.EqualTo(expected.Length));
        double worst = actual.Zip(expected, (a, e) => Math.Abs(a - e)).Max();
        Assert.That(worst, Is.LessThan(4e-6), "largest difference to the formula");
    }

    private double[] Write(string name, int elements, int seed)
    {
        // Multiples of 1/64 between -2 and 2: many deltas are equal, some zero.
        var random = new Random(seed);
        float[] values = [.. Enumerable.Range(0, elements).Select(_ => random.Next(-128, 129) / 64f)];
        _workshop.Vector(name, values);
        return Array.ConvertAll(values, value => (double)value);
    }
}
