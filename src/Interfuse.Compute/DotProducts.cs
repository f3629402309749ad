namespace Interfuse.Compute;

/// <summary>The three inner products of two vectors, from which follow their norms and their cosine.</summary>
/// <param name="AA">Sum of <c>a[i] * a[i]</c>.</param>
/// <param name="BB">Sum of <c>b[i] * b[i]</c>.</param>
/// <param name="AB">Sum of <c>a[i] * b[i]</c>.</param>
public readonly record struct DotProducts(double AA, double BB, double AB)
{
    /// <summary>Combines the products of two parts of the same vectors.</summary>
    public static DotProducts operator +(DotProducts left, DotProducts right) => Add(left, right);

    /// <summary>Combines the products of two parts of the same vectors.</summary>
    public static DotProducts Add(DotProducts left, DotProducts right) =>
        new(left.AA + right.AA, left.BB + right.BB, left.AB + right.AB);
}
