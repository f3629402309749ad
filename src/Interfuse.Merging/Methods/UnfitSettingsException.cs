namespace Interfuse.Merging.Methods;

/// <summary>A recipe's settings are each in range, but make no sense together, such as weights whose sum is zero.</summary>
/// <param name="message">What is wrong and what to do.</param>
public sealed class UnfitSettingsException(string message) : InterfuseException(message);
