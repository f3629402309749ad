using System.Globalization;

namespace Interfuse.Merging.Recipes;

/// <summary>Reads the value of one parameter: a number, a gradient, or a list of values with filters.</summary>
/// <param name="spec">The parameter.</param>
/// <param name="keys">The rules for the keys of filters.</param>
internal sealed class SettingReader(ParameterSpec spec, RecipeKeys keys)
{
    private readonly string _expected = Expected(spec);

    public ParameterSetting Read(Node node) => node switch
    {
        ListNode { Items: [MapNode, ..] } list => new ConditionalSetting([.. list.Items.Select(ReadEntry)]),
        MapNode => throw Error(node, $"is a mapping, expected a list of such entries: write a '-' before it, "
            + $"`{spec.Name}: [{{filter: mlp, value: {spec.ExampleValue}}}]`"),
        _ => ReadValue(node),
    };

    private (string? Filter, ParameterSetting Value) ReadEntry(Node node)
    {
        if (node is not MapNode entry)
        {
            throw Error(node, $"mixes filters and plain values ({node.Describe()}): write the value as an entry, "
                + $"`- value: {spec.ExampleValue}`");
        }

        keys.Check(entry, RecipeKeys.Filter);
        string? filter = entry["filter"] switch
        {
            null => null,
            ScalarNode scalar => scalar.Text,
            { } other => throw Error(other, $"has {other.Describe()} for a filter, expected a part of a tensor's name"),
        };
        return entry["value"] switch
        {
            null => throw Error(entry, $"has an entry without a value, expected `value:` with {_expected}"),
            MapNode or ListNode { Items: [MapNode, ..] } => throw Error(entry["value"]!, "has filters within a filter, "
                + $"expected {_expected}{(spec.Kind == ParameterKind.Number ? " or a list of numbers" : "")}"),
            { } value => (filter, ReadValue(value)),
        };
    }

    private ParameterSetting ReadValue(Node node) =>
        node is ListNode list ? ReadGradient(list) : ReadNumber((ScalarNode)node);

    private GradientSetting ReadGradient(ListNode list)
    {
        if (spec.Kind != ParameterKind.Number)
        {
            throw Error(list, $"has a gradient of the wrong kind: it is {_expected}, with nothing between the layers; "
                + "write one value, or a list of filters");
        }

        return list.Items.Count == 0
            ? throw Error(list, "has an empty gradient, expected at least one number")
            : new GradientSetting([.. list.Items.Select(ReadGradientValue)]);
    }

    private double ReadGradientValue(Node node) => node switch
    {
        ScalarNode scalar => ReadNumber(scalar).Value,
        MapNode => throw Error(node, "mixes numbers and filters: write the numbers as an entry too, "
            + "`- value: [0, 1]`"),
        _ => throw Error(node, "has a list within a gradient, expected numbers"),
    };

    private NumberSetting ReadNumber(ScalarNode node)
    {
        if (spec.Kind == ParameterKind.Word)
        {
            return ReadWord(node);
        }

        if (TryReadFlag(node, out bool flag))
        {
            return Check(node, new NumberSetting(flag ? 1 : 0) { IsFlag = true });
        }

        if (TryReadNumber(node, out double number))
        {
            return Check(node, new NumberSetting(number));
        }

        bool isQuotedFlag = TryReadFlag(new ScalarNode(node.Text, isPlain: true, node.Location), out _);
        throw Error(node, $"is {node.Describe()}, expected {_expected}"
            + (isQuotedFlag ? ": remove the quotes" : ""));
    }

    private NumberSetting ReadWord(ScalarNode node)
    {
        for (int place = 0; place < spec.Words.Count; place++)
        {
            if (spec.Words[place] == node.Text)
            {
                return new NumberSetting(place) { Word = node.Text };
            }
        }

        throw Error(node, $"is {node.Describe()}{Message.DidYouMean(node.Text, spec.Words)} (expected {_expected})");
    }

    private NumberSetting Check(ScalarNode node, NumberSetting setting)
    {
        double value = setting.Value;
        bool fits = spec.Kind == ParameterKind.Flag
            ? value is 0 or 1
            : double.IsFinite(value) && value >= spec.Minimum && value <= spec.Maximum;
        return fits ? setting : throw Error(node, $"is {Message.Quote(node.Text)}, expected {_expected}");
    }

    // The words that YAML 1.1, and so mergekit, reads as booleans.
    private static bool TryReadFlag(ScalarNode node, out bool flag)
    {
        flag = node.Text is "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON";
        return node.IsPlain && (flag || node.Text is "false" or "False" or "FALSE" or "no" or "No" or "NO"
            or "off" or "Off" or "OFF");
    }

    // Not only plain text: mergekit takes numbers in quotes too. Infinities are numbers here, so that the range check
    // refuses them by what they are.
    private static bool TryReadNumber(ScalarNode node, out double number)
    {
        string text = node.Text.Trim();
        if (text.TrimStart('+', '-').ToLowerInvariant() is ".inf" or "inf" or ".nan")
        {
            number = double.NaN;
            return true;
        }

        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number);
    }

    private static string Expected(ParameterSpec spec)
    {
        string minimum = spec.Minimum.ToString(CultureInfo.InvariantCulture);
        string maximum = spec.Maximum.ToString(CultureInfo.InvariantCulture);
        return (spec.Kind, double.IsFinite(spec.Minimum), double.IsFinite(spec.Maximum)) switch
        {
            (ParameterKind.Flag, _, _) => "true or false",
            (ParameterKind.Word, _, _) => Message.List(spec.Words),
            (_, true, true) => $"a number from {minimum} to {maximum}",
            (_, true, false) => $"a number of at least {minimum}",
            (_, false, true) => $"a number of at most {maximum}",
            _ => "a finite number",
        };
    }

    private RecipeException Error(Node node, string reason) => new(node.Location, $"parameter '{spec.Name}' {reason}");
}
