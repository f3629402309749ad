using System.Security.Cryptography;
using System.Text;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Search;

/// <summary>A value that a candidate has for a parameter.</summary>
/// <param name="Model">The model whose own parameter it is, as the recipe names it; null for the recipe's.</param>
/// <param name="Parameter">The parameter's name.</param>
/// <param name="Value">The value.</param>
public sealed record Coefficient(string? Model, string Parameter, ParameterSetting Value)
{
    /// <summary>The coefficient in words: <c>weight of ./code 0.5</c>.</summary>
    public override string ToString() =>
        $"{Parameter}{(Model is null ? "" : $" of {Model}")} {SettingJson.Of(Value).ToJsonString()}";
}

/// <summary>A merge that might be the best.</summary>
/// <param name="Recipe">The plain recipe that makes it.</param>
/// <param name="Coefficients">What it differs by from the others.</param>
public sealed record Candidate(Recipe Recipe, IReadOnlyList<Coefficient> Coefficients)
{
    /// <summary>The directory of a model that is evaluated as it is, without a merge; else null.</summary>
    public string? Existing { get; init; }

    /// <summary>Tells candidates apart: the same key is the same merge.</summary>
    internal string Key { get; } = Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes(Recipe.ToYaml())))[..32];

    /// <summary>The candidate in words, for messages.</summary>
    public override string ToString() => string.Join(", ", Coefficients);
}

/// <summary>What came of a candidate.</summary>
/// <param name="candidate">The candidate.</param>
/// <param name="score">How good it is, greater is better; null where it can't be merged.</param>
/// <param name="unfit">Why it can't be merged; null where it can.</param>
public sealed class Trial(Candidate candidate, double? score, string? unfit)
{
    /// <summary>The candidate.</summary>
    public Candidate Candidate { get; } = candidate;

    /// <summary>How good it is, greater is better; null where it can't be merged.</summary>
    public double? Score { get; } = score;

    /// <summary>Why it can't be merged; null where it can.</summary>
    public string? Unfit { get; } = unfit;

    /// <summary>Whether what was best before gave way to it; null where nothing was decided.</summary>
    public bool? Kept { get; internal set; }

    /// <summary>Whether it is strictly better than another: a tie is not, and what can't be merged never is.</summary>
    public bool IsBetterThan(Trial? other) => Score is { } own && (other?.Score is not { } theirs || own > theirs);
}
