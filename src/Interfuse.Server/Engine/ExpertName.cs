namespace Interfuse.Server.Engine;

/// <summary>What a request may name.</summary>
/// <param name="Id">
/// <c>MODEL</c> for a plain model; else <c>PACK/EXPERT</c>, <c>PACK/auto</c> (the pack's router decides) or
/// <c>PACK/shared</c> (the model that the experts share).
/// </param>
/// <param name="Model">The loaded model.</param>
/// <param name="Kind">What it stands for.</param>
public sealed record ExpertName(string Id, ServedModel Model, ExpertNameKind Kind);

/// <summary>What a name stands for.</summary>
public enum ExpertNameKind
{
    /// <summary>A plain model.</summary>
    Plain,

    /// <summary>One expert of a pack.</summary>
    Expert,

    /// <summary>Whom a pack's router chooses, for each prompt anew.</summary>
    Auto,

    /// <summary>The model that a pack's experts share.</summary>
    Shared,
}
