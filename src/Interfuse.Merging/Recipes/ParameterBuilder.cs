namespace Interfuse.Merging.Recipes;

/// <summary>Collects parameters; what carries them in a recipe derives from it.</summary>
/// <typeparam name="TSelf">The deriving type, which every call gives back.</typeparam>
public abstract class ParameterBuilder<TSelf>
    where TSelf : ParameterBuilder<TSelf>
{
    // In the order set.
    private readonly OrderedDictionary<string, ParameterSetting> _settings = [];

    // Nobody outside derives from it.
    private protected ParameterBuilder()
    {
    }

    private protected static SourceLocation Here => new(null, 0, 0);

    private protected ParameterSet Parameters =>
        new([.. _settings.Select(setting => new Parameter(setting.Key, setting.Value, Here))]);

    /// <summary>Sets a parameter to one number, in place of what was set before.</summary>
    public TSelf Set(string name, double value) => Put(name, new NumberSetting(value));

    /// <summary>Sets a parameter to true or false, in place of what was set before.</summary>
    public TSelf Set(string name, bool value) => Put(name, new NumberSetting(value ? 1 : 0) { IsFlag = true });

    /// <summary>Sets a parameter to a word, in place of what was set before.</summary>
    public TSelf Set(string name, string word)
    {
        CheckText(word, nameof(word));
        return Put(name, new NumberSetting(0) { Word = word });
    }

    /// <summary>Sets a parameter to values spread evenly from the first layer to the last.</summary>
    /// <exception cref="ArgumentException">There are no values.</exception>
    public TSelf Gradient(string name, params double[] values) => Put(name, new GradientSetting([.. values]));

    /// <summary>
    /// Sets a parameter for the tensors whose name contains a text. Call it again for more filters: the first that
    /// matches decides, and where none does the next level of precedence applies.
    /// </summary>
    /// <param name="name">The parameter.</param>
    /// <param name="filter">The part of the name; <c>*</c> for every tensor.</param>
    /// <param name="values">One value, or the values of a gradient.</param>
    /// <exception cref="ArgumentException">There are no values.</exception>
    public TSelf Filter(string name, string filter, params double[] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        ParameterSetting value = values is [double number]
            ? new NumberSetting(number)
            : new GradientSetting([.. values]);
        return Add(name, filter, value);
    }

    /// <summary>Sets a parameter to true or false for the tensors whose name contains a text.</summary>
    /// <param name="name">The parameter.</param>
    /// <param name="filter">The part of the name; <c>*</c> for every tensor.</param>
    /// <param name="value">The value.</param>
    public TSelf Filter(string name, string filter, bool value) =>
        Add(name, filter, new NumberSetting(value ? 1 : 0) { IsFlag = true });

    // What a recipe's text can hold.
    private protected static void CheckText(string text, string parameter)
    {
        ArgumentNullException.ThrowIfNull(text, parameter);
        if (RecipeText.LoneSurrogate(text) >= 0)
        {
            throw new ArgumentException("The text has half of a surrogate pair.", parameter);
        }
    }

    private TSelf Add(string name, string filter, ParameterSetting value)
    {
        CheckText(name, nameof(name));
        CheckText(filter, nameof(filter));
        IReadOnlyList<(string?, ParameterSetting)> before =
            _settings.TryGetValue(name, out ParameterSetting? set) && set is ConditionalSetting conditional
                ? conditional.Entries : [];
        return Put(name, new ConditionalSetting([.. before, (filter, value)]));
    }

    private TSelf Put(string name, ParameterSetting setting)
    {
        CheckText(name, nameof(name));
        _settings[name] = setting;
        return (TSelf)this;
    }
}
