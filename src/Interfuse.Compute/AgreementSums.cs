using System.Runtime.InteropServices;

namespace Interfuse.Compute;

/// <summary>
/// What an expert's task vector <c>d</c> has in common with a unified one <c>u</c>, of which a mask keeps what agrees:
/// <c>a = u</c> there, else 0. The expert's scales and what is lost of it follow from the sums.
/// </summary>
/// <param name="Delta">Sum of <c>|d|</c>.</param>
/// <param name="Agreed">Sum of <c>|a|</c>.</param>
/// <param name="DeltaEnergy">Sum of <c>d * d</c>.</param>
/// <param name="AgreedEnergy">Sum of <c>a * a</c>.</param>
/// <param name="Product">Sum of <c>d * a</c>, never negative.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct AgreementSums(
    double Delta, double Agreed, double DeltaEnergy, double AgreedEnergy, double Product)
{
    /// <summary>How many float64 values these are where operations store them, in this order.</summary>
    public const int Count = 5;

    /// <summary>Combines the sums of two parts of the same vectors.</summary>
    public static AgreementSums operator +(AgreementSums left, AgreementSums right) => Add(left, right);

    /// <summary>Combines the sums of two parts of the same vectors.</summary>
    public static AgreementSums Add(AgreementSums left, AgreementSums right) => new(
        left.Delta + right.Delta,
        left.Agreed + right.Agreed,
        left.DeltaEnergy + right.DeltaEnergy,
        left.AgreedEnergy + right.AgreedEnergy,
        left.Product + right.Product);

    /// <summary>The energy of <c>d - scale * a</c>: what is lost of the task vector by that scale. Not negative.</summary>
    /// <param name="scale">Any finite number.</param>
    public double LostEnergy(double scale) =>
        Math.Max(0, DeltaEnergy - (2 * scale * Product) + (scale * scale * AgreedEnergy));
}
