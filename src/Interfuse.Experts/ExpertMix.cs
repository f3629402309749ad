using System.Collections.Immutable;

namespace Interfuse.Experts;

/// <summary>A share of a mixture.</summary>
/// <param name="Expert">The expert, by its place in <see cref="ExpertPack.Experts"/>.</param>
/// <param name="Weight">What its weights are multiplied by, above 0; 1 is all.</param>
public readonly record struct ExpertShare(int Expert, float Weight);

/// <summary>Which model of a pack is meant: an expert, a weighted mixture of experts, or what they share.</summary>
/// <remarks>
/// A mixture's matrix is <c>sum of w_k * W_k</c>, and what is computed with it is that sum of what is computed with each
/// expert, in the order of the experts and in float32: a product is <c>((w_0 * y_0) + w_1 * y_1) + ...</c>, a row the same
/// sum of the experts' rows, rounded once to the tensor's type. Where a tensor is one for all experts it is taken as it is.
/// Two mixtures are equal when they have the same shares.
/// </remarks>
public sealed partial class ExpertMix : IEquatable<ExpertMix>
{
    /// <summary>How far from 1 the sum of a mixture's weights may be.</summary>
    public const double SumTolerance = 1e-4;

    // What a tensor is made of where all experts' are one and the same, and where there is a shared one.
    private static readonly ImmutableArray<ExpertShare> First = [new ExpertShare(0, 1)];
    private static readonly ImmutableArray<ExpertShare> OfShared = [new ExpertShare(LoadedTensor.SharedExpert, 1)];

    private ExpertMix(ImmutableArray<ExpertShare> parts)
    {
        Parts = parts;
    }

    /// <summary>
    /// No expert: the model that the experts share. Where a tensor's scheme keeps none, their uniform mixture stands for it;
    /// of a plain model it is the model.
    /// </summary>
    public static ExpertMix Shared { get; } = new([]);

    /// <summary>The shares by ascending expert; one of weight 1 for an expert alone, none for <see cref="Shared"/>.</summary>
    public ImmutableArray<ExpertShare> Parts { get; }

    /// <summary>Whether this is <see cref="Shared"/>.</summary>
    public bool IsShared => Parts.IsEmpty;

    /// <summary>Whether this is one expert and nothing else.</summary>
    public bool IsSingle => Parts.Length == 1;

    /// <summary>The expert alone.</summary>
    /// <exception cref="InvalidOperationException">This is not <see cref="IsSingle"/>.</exception>
    public int Expert => IsSingle ? Parts[0].Expert : throw new InvalidOperationException($"{this} is not one expert.");

    /// <summary>One expert.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public static ExpertMix Of(int expert)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(expert);
        return new ExpertMix([new ExpertShare(expert, 1)]);
    }

    /// <summary>Every expert in equal shares.</summary>
    /// <param name="experts">How many there are, 1 or more.</param>
    public static ExpertMix Uniform(int experts)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(experts, 1);
        return experts == 1
            ? Of(0)
            : new ExpertMix([.. Enumerable.Range(0, experts).Select(expert => new ExpertShare(expert, 1f / experts))]);
    }

    /// <summary>Experts in given shares, which are used as they are: nothing is scaled to make them sum to 1.</summary>
    /// <param name="shares">
    /// Each expert at most once, in any order, with a finite weight that is not negative; the sum is 1 within
    /// <see cref="SumTolerance"/>. Weights of zero are dropped, and an expert that is left alone is <see cref="Of"/> it.
    /// </param>
    /// <exception cref="ArgumentException">The shares are no mixture; says why.</exception>
    public static ExpertMix Weighted(params IEnumerable<ExpertShare> shares)
    {
        ArgumentNullException.ThrowIfNull(shares);
        ImmutableArray<ExpertShare> all = [.. shares.OrderBy(share => share.Expert)];
        return Fault(all, expert => $"expert {expert}") is { } fault
            ? throw new ArgumentException($"This is no mixture: {fault}.", nameof(shares))
            : Sound(all);
    }

    /// <inheritdoc/>
    public bool Equals(ExpertMix? other) =>
        other is not null && (ReferenceEquals(this, other) || Parts.AsSpan().SequenceEqual(other.Parts.AsSpan()));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ExpertMix);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (ExpertShare share in Parts)
        {
            hash.Add(share);
        }

        return hash.ToHashCode();
    }

    /// <summary>What a tensor of some experts is made of for this mixture: one part, or several to add up.</summary>
    /// <param name="experts">N.</param>
    /// <param name="hasShared">Whether expert <see cref="LoadedTensor.SharedExpert"/> is there.</param>
    /// <param name="isAlike">Whether all experts' are one and the same.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such expert.</exception>
    internal ImmutableArray<ExpertShare> PartsOf(int experts, bool hasShared, bool isAlike)
    {
        if (!IsShared && Parts[^1].Expert >= experts)
        {
            throw new ArgumentOutOfRangeException(
                nameof(experts), experts, $"There is no expert {Parts[^1].Expert} among {experts}.");
        }

        if (isAlike)
        {
            return First;
        }

        return !IsShared ? Parts : hasShared ? OfShared : Uniform(experts).Parts;
    }

    // Sound shares, by ascending expert.
    private static ExpertMix Sound(ImmutableArray<ExpertShare> shares)
    {
        ImmutableArray<ExpertShare> parts = shares.RemoveAll(share => share.Weight == 0);
        return parts.Length == 1 ? Of(parts[0].Expert) : new ExpertMix(parts);
    }

    // What keeps shares by ascending expert from being a mixture.
    private static string? Fault(ImmutableArray<ExpertShare> shares, Func<int, string> name)
    {
        double sum = 0;
        for (int i = 0; i < shares.Length; i++)
        {
            (int expert, float weight) = shares[i];
            if (expert < 0)
            {
                return $"there is no expert {expert}";
            }

            if (i > 0 && shares[i - 1].Expert == expert)
            {
                return $"{name(expert)} is given twice";
            }

            if (!float.IsFinite(weight) || weight < 0)
            {
                return $"{name(expert)} has the weight {Number(weight)}, where a number of 0 or more is needed";
            }

            sum += weight;
        }

        return Math.Abs(sum - 1) <= SumTolerance ? null : $"the weights sum to {Rounded(sum)}, not to 1";
    }
}
