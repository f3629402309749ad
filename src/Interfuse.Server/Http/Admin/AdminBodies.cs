namespace Interfuse.Server.Http.Admin;

/// <summary>The body of <c>POST /v1/admin/models</c>.</summary>
internal sealed record LoadBody
{
    /// <summary>The model's folder: relative to one of the allowed folders, or inside one.</summary>
    public string? Path { get; init; }

    /// <summary>The name it is to have; none for its folder's.</summary>
    public string? Name { get; init; }

    /// <summary>Whether it is never to be unloaded.</summary>
    public bool? Pinned { get; init; }
}

/// <summary>A loaded model or pack.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Object">What this is.</param>
/// <param name="Path">Where it lies in the allowed folders; null where it lies in none.</param>
/// <param name="Identity">The SHA-256 of its content.</param>
/// <param name="Experts">Its experts; none of a plain model.</param>
/// <param name="HasRouter">Whether prompts can be routed.</param>
/// <param name="HasChat">Whether it takes conversations.</param>
/// <param name="ContextLength">The most tokens of a prompt and its answer together.</param>
/// <param name="Bytes">What its files hold.</param>
/// <param name="LoadedAt">When it was loaded.</param>
/// <param name="Pinned">Whether it is never unloaded.</param>
internal sealed record ModelReport(
    string Name,
    string Object,
    string? Path,
    string Identity,
    IReadOnlyList<string> Experts,
    bool HasRouter,
    bool HasChat,
    int ContextLength,
    long Bytes,
    DateTimeOffset LoadedAt,
    bool Pinned);

/// <summary>All that is loaded.</summary>
internal sealed record ModelReports(string Object, IReadOnlyList<ModelReport> Data);

/// <summary>A model that is unloaded.</summary>
internal sealed record UnloadedModel(string Name, string Object, bool Deleted);
