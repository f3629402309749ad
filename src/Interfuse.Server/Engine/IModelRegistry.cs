namespace Interfuse.Server.Engine;

/// <summary>The models and packs that are loaded. Safe for any number of threads.</summary>
public interface IModelRegistry
{
    /// <summary>What is loaded, in the order in which it was.</summary>
    IReadOnlyList<ServedModel> Models { get; }

    /// <summary>Whether everything that was configured is loaded, and the process is not about to end.</summary>
    bool IsReady { get; }

    /// <summary>Completes when everything that was configured is loaded. Faults where something can't be; the host stops then.</summary>
    Task Loaded { get; }

    /// <summary>Loads a model or a pack; requests for others go on meanwhile.</summary>
    /// <remarks>
    /// Where <see cref="InterfuseOptions.MaxModelBytes"/> would be exceeded, models that are not pinned and have nothing to
    /// do are unloaded first, the one that was used longest ago first.
    /// </remarks>
    /// <param name="source">What to load.</param>
    /// <param name="cancellation">Takes the request back, while it waits.</param>
    /// <exception cref="InterfuseException">It can't be run; the message names its path.</exception>
    /// <exception cref="EngineException">The name is taken, or there is no room.</exception>
    Task<ServedModel> LoadAsync(ModelSource source, CancellationToken cancellation = default);

    /// <summary>Unloads a model: new requests for it are refused at once, running ones are answered first.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="cancellation">Ends the waiting, not the unloading.</param>
    /// <exception cref="EngineException">There is none, or it is pinned.</exception>
    Task UnloadAsync(string name, CancellationToken cancellation = default);

    /// <summary>Pins a model, so that it is never unloaded, or takes that back.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="isPinned">Whether it is to be.</param>
    /// <exception cref="EngineException">There is none.</exception>
    ServedModel Pin(string name, bool isPinned);
}

/// <summary>A model or pack to be loaded.</summary>
public sealed record ModelSource
{
    /// <summary>Its directory.</summary>
    public required string Path { get; init; }

    /// <summary>The name it is to have: letters, digits, and <c>. _ -</c>; null for its directory's.</summary>
    public string? Name { get; init; }

    /// <summary>Whether it is never to be unloaded.</summary>
    public bool IsPinned { get; init; }
}

/// <summary>A loaded model or pack.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Identity">
/// The SHA-256 of its content, in lower-case hexadecimal: equal for the same weights, configuration and tokenizer wherever
/// they lie.
/// </param>
/// <param name="Path">Its full path; nothing for clients.</param>
/// <param name="Experts">The experts' names; none for a plain model.</param>
/// <param name="HasRouter">Whether prompts can be routed.</param>
/// <param name="HasChat">Whether it has a chat template.</param>
/// <param name="ContextLength">The most tokens of a prompt and its answer together.</param>
/// <param name="Bytes">What its files hold.</param>
/// <param name="LoadedAt">When it was loaded.</param>
/// <param name="IsPinned">Whether it is never unloaded.</param>
public sealed record ServedModel(
    string Name,
    string Identity,
    string Path,
    IReadOnlyList<string> Experts,
    bool HasRouter,
    bool HasChat,
    int ContextLength,
    long Bytes,
    DateTimeOffset LoadedAt,
    bool IsPinned);
