namespace Interfuse.Server.Engine;

/// <summary>What requests may name, for one set of loaded models. Never changes.</summary>
internal sealed class NameTable
{
    /// <summary>What a pack's router is called.</summary>
    public const string Auto = "auto";

    /// <summary>What the model that a pack's experts share is called.</summary>
    public const string Shared = "shared";

    private readonly Dictionary<string, (ExpertName Name, LoadedModel Model)> _byId = new(StringComparer.Ordinal);

    // By an expert's name, or auto, alone.
    private readonly ILookup<string, ExpertName> _byShortName;

    /// <param name="models">The models, in the order in which they were loaded.</param>
    public NameTable(IEnumerable<LoadedModel> models)
    {
        var names = new List<ExpertName>();
        var shortNames = new List<(string Short, ExpertName Name)>();
        foreach (LoadedModel model in models)
        {
            foreach ((string? last, ExpertNameKind kind) in NamesOf(model.Served))
            {
                string id = last is null ? model.Served.Name : $"{model.Served.Name}/{last}";
                var name = new ExpertName(id, model.Served, kind);

                // An expert may be called auto; then that is what it means.
                if (_byId.TryAdd(id, (name, model)))
                {
                    names.Add(name);
                    if (last is not null && kind != ExpertNameKind.Shared)
                    {
                        shortNames.Add((last, name));
                    }
                }
            }
        }

        All = names;
        _byShortName = shortNames.ToLookup(entry => entry.Short, entry => entry.Name, StringComparer.Ordinal);
    }

    /// <summary>All names, in the order in which models were loaded.</summary>
    public IReadOnlyList<ExpertName> All { get; }

    /// <summary>Finds what a request names.</summary>
    /// <exception cref="EngineException">There is nothing of this name, or more than one thing.</exception>
    public (ExpertName Name, LoadedModel Model) Find(string name)
    {
        if (_byId.TryGetValue(name, out (ExpertName Name, LoadedModel Model) found))
        {
            return found;
        }

        ExpertName[] candidates = [.. _byShortName[name]];
        return candidates.Length switch
        {
            0 => throw EngineErrors.Unknown(name, All.Count == 0 ? "; none is loaded" : "; see the list of models"),
            1 => _byId[candidates[0].Id],
            _ => throw EngineErrors.Unknown(
                name, $" that only one loaded model has; say which: {string.Join(", ", candidates.Select(each => each.Id))}"),
        };
    }

    private static IEnumerable<(string? Last, ExpertNameKind Kind)> NamesOf(ServedModel model)
    {
        if (model.Experts.Count == 0)
        {
            return [(null, ExpertNameKind.Plain)];
        }

        IEnumerable<(string?, ExpertNameKind)> experts = model.Experts.Select(expert => ((string?)expert, ExpertNameKind.Expert));
        return
        [
            .. experts,
            .. model.HasRouter ? new (string?, ExpertNameKind)[] { (Auto, ExpertNameKind.Auto) } : [],
            (Shared, ExpertNameKind.Shared),
        ];
    }
}
