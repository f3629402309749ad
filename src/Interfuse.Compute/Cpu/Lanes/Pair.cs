namespace Interfuse.Compute;

/// <summary>Two vectors that hold consecutive elements in turns.</summary>
/// <param name="Even">The first element, the third, and so on.</param>
/// <param name="Odd">The second one, the fourth, and so on.</param>
internal readonly record struct Pair<TVector>(TVector Even, TVector Odd);
