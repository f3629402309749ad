using Interfuse.Merging.Execution;

namespace Interfuse.Merging.Search;

/// <summary>What a search is at.</summary>
public enum SearchStage
{
    /// <summary>Reads the inputs, to know them again.</summary>
    Reading,

    /// <summary>Merges a candidate.</summary>
    Merging,

    /// <summary>Evaluates a candidate.</summary>
    Evaluating,

    /// <summary>Merges the best candidate into the target.</summary>
    Finishing,
}

/// <summary>How far a search is.</summary>
/// <param name="Stage">What it is at.</param>
/// <param name="Evaluated">How many candidates have been evaluated.</param>
/// <param name="Resumed">How many of these an interrupted run had.</param>
/// <param name="Planned">How many there are in all, or at most.</param>
/// <param name="Best">The best score so far, or null.</param>
public sealed record SearchState(SearchStage Stage, int Evaluated, int Resumed, int Planned, double? Best);

/// <summary>How far a search is; written by its thread, read by whoever shows it.</summary>
public sealed class SearchProgress
{
    private volatile SearchState _state = new(SearchStage.Reading, 0, 0, 0, null);

    /// <summary>How far it is at this moment.</summary>
    public SearchState State
    {
        get => _state;
        internal set => _state = value;
    }

    /// <summary>How far the merge of the best candidate is.</summary>
    public MergeProgress Merge { get; } = new();
}
