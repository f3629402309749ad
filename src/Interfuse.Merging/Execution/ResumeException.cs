namespace Interfuse.Merging.Execution;

/// <summary>What an interrupted run left can't be continued: it belongs to something else, or is damaged.</summary>
/// <param name="message">What was left where, and what to do.</param>
public sealed class ResumeException(string message) : InterfuseException(message);
