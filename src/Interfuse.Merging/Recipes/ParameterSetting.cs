namespace Interfuse.Merging.Recipes;

/// <summary>The value of a parameter, or the rule that gives its value for a tensor.</summary>
public abstract record ParameterSetting
{
    /// <summary>The value for one tensor.</summary>
    /// <param name="tensorName">The tensor's name, which filters look into.</param>
    /// <param name="position">How deep the tensor's layer is in its slice, 0 (first layer) to 1 (last layer).</param>
    /// <returns>The value, or null when no filter matches, so that the next level of precedence applies.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The position is not within 0 to 1.</exception>
    public abstract double? Evaluate(string tensorName, double position);

    /// <summary>Every number written in the setting, in order.</summary>
    public abstract IEnumerable<double> AllValues();
}

/// <summary>The same value everywhere.</summary>
/// <param name="Value">The value; 1 or 0 for true or false.</param>
public sealed record NumberSetting(double Value) : ParameterSetting
{
    /// <summary>Whether the value is written as <c>true</c> or <c>false</c>.</summary>
    public bool IsFlag { get; init; }

    /// <summary>The word as written, where the parameter takes words.</summary>
    public string? Word { get; init; }

    /// <inheritdoc/>
    public override double? Evaluate(string tensorName, double position) => Value;

    /// <inheritdoc/>
    public override IEnumerable<double> AllValues() => [Value];
}

/// <summary>Values spread evenly over the layers, interpolated between neighbours.</summary>
/// <remarks>With n values and position t: s = t (n - 1), i = trunc(s), f = s - i, and the value is
/// (1 - f) g[i] + f g[min(i + 1, n - 1)], all in double precision.</remarks>
public sealed record GradientSetting : ParameterSetting
{
    /// <summary>Makes a gradient.</summary>
    /// <param name="values">The values from the first layer to the last, at least one.</param>
    /// <exception cref="ArgumentException">There are no values.</exception>
    public GradientSetting(IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.Count == 0)
        {
            throw new ArgumentException("A gradient needs at least one value.", nameof(values));
        }

        Values = values;
    }

    /// <summary>The values from the first layer to the last.</summary>
    public IReadOnlyList<double> Values { get; }

    /// <inheritdoc/>
    public override double? Evaluate(string tensorName, double position)
    {
        if (!(position is >= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(position), position, "A layer's position is within 0 to 1.");
        }

        int last = Values.Count - 1;
        double scaled = position * last;
        int left = (int)scaled;
        double fraction = scaled - left;
        return ((1 - fraction) * Values[left]) + (fraction * Values[Math.Min(left + 1, last)]);
    }

    /// <inheritdoc/>
    public override IEnumerable<double> AllValues() => Values;
}

/// <summary>Values chosen by the tensor's name: the first entry that matches decides.</summary>
/// <param name="Entries">
/// The entries in the order written. A filter matches a tensor whose name contains it, case-sensitive; null and
/// <c>*</c> match every tensor.
/// </param>
public sealed record ConditionalSetting(IReadOnlyList<(string? Filter, ParameterSetting Value)> Entries)
    : ParameterSetting
{
    /// <inheritdoc/>
    public override double? Evaluate(string tensorName, double position)
    {
        ArgumentNullException.ThrowIfNull(tensorName);
        foreach ((string? filter, ParameterSetting value) in Entries)
        {
            if (MatchesAll(filter) || tensorName.Contains(filter!, StringComparison.Ordinal))
            {
                return value.Evaluate(tensorName, position);
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public override IEnumerable<double> AllValues() => Entries.SelectMany(entry => entry.Value.AllValues());

    internal static bool MatchesAll(string? filter) => filter is null or "" or "*";
}
