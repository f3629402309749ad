namespace Interfuse.Merging.Recipes;

/// <summary>Reads the mappings named <c>parameters</c> as one merge method understands them.</summary>
/// <param name="method">The method.</param>
/// <param name="keys">The rules for the keys of filters.</param>
/// <param name="warnings">Takes what is odd but no error.</param>
internal sealed class ParameterReader(MethodSignature method, RecipeKeys keys, List<string> warnings)
{
    /// <summary>Reads the parameters of an entry, a slice or the recipe.</summary>
    /// <param name="owner">The mapping that may have the key <c>parameters</c>.</param>
    /// <param name="isModel">Whether that is the entry of one model, which takes per-model parameters only.</param>
    public ParameterSet Read(MapNode owner, bool isModel)
    {
        Node? node = owner["parameters"];
        if (node is null)
        {
            return ParameterSet.Empty;
        }

        if (node is not MapNode map)
        {
            throw new RecipeException(node.Location, $"'parameters' is {node.Describe()}, expected a mapping of names "
                + $"to values ({ParameterNames()})");
        }

        return new ParameterSet([.. map.Entries.Select(entry => ReadParameter(entry.Key, entry.Value, isModel))]);
    }

    private Parameter ReadParameter(ScalarNode name, Node value, bool isModel)
    {
        ParameterSpec spec = Find(name, isModel);
        ParameterSetting setting = new SettingReader(spec, keys).Read(value);
        if (setting is ConditionalSetting { Entries: var entries }
            && entries.SkipLast(1).Any(entry => ConditionalSetting.MatchesAll(entry.Filter)))
        {
            warnings.Add($"{name.Location}: entries of '{spec.Name}' after the one that matches every tensor have no "
                + "effect: move that one to the end");
        }

        return new Parameter(spec.Name, setting, name.Location);
    }

    /// <summary>Finds what a parameter's name means.</summary>
    /// <param name="name">The name.</param>
    /// <param name="isModel">Whether it stands with one model.</param>
    /// <exception cref="RecipeException">The method has no such parameter, or not for one model.</exception>
    public ParameterSpec Find(ScalarNode name, bool isModel)
    {
        ParameterSpec spec = method.Parameters.FirstOrDefault(spec => spec.Name == name.Text)
            ?? throw new RecipeException(name.Location, $"{method.Name} has no parameter {Message.Quote(name.Text)}"
                + $"{Message.DidYouMean(name.Text, method.Parameters.Select(spec => spec.Name))} ({ParameterNames()})");
        if (isModel && spec.Scope == ParameterScope.Merge)
        {
            throw new RecipeException(name.Location, $"'{spec.Name}' is one value for the whole merge and has no "
                + "effect under a model: move it to the top-level 'parameters' of the recipe");
        }

        return spec;
    }

    private string ParameterNames() => method.Parameters.Count == 0
        ? "it has none"
        : $"its parameters are {Message.List(method.Parameters.Select(spec => spec.Name))}";
}
