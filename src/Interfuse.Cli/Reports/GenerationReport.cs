using System.Globalization;
using Interfuse.Compute;
using Interfuse.Inference.Generation;

namespace Interfuse.Cli;

/// <summary>An answer and how it came about (<c>interfuse generate</c>).</summary>
internal sealed record GenerationReport(
    string Model, string? Expert, string? Mixture, string Prompt, int PromptTokens, string Text, IReadOnlyList<int> Tokens, string Reason,
    GenerationRates Rates, double Temperature, ulong Seed, string Device)
{
    /// <summary>The time from the prompt to the answer's end.</summary>
    public double Seconds { get; init; }

    /// <summary>Why the experts were chosen, if a router did it.</summary>
    public RouteReport? Route { get; init; }

    public static GenerationReport Of(
        RunnableModel model, string prompt, GenerationRequest request, GenerationResult result, Device device) =>
        new(
            model.Path,
            MixName.Expert(request.Mix, model.Experts),
            MixName.Mixture(request.Mix, model.Experts),
            prompt,
            request.Prompt.Length,
            result.Text,
            result.Tokens,
            Word(result.Reason),
            GenerationRates.Of(request, result),
            request.Sampling.Temperature,
            request.Sampling.Seed,
            device.Name);

    public string ToText() =>
        $"prompt: {Sizes.Count(PromptTokens, "token")}{Rate(Rates.Prompt)}; answer: {Sizes.Count(Tokens.Count, "token")}"
        + $"{Rate(Rates.Answer)}; {Why()}";

    private static string Rate(double? rate) => rate is { } known
        ? $" at {known.ToString(known < 100 ? "0.0" : "0", CultureInfo.InvariantCulture)}/s"
        : "";

    private static string Word(FinishReason reason) => reason switch
    {
        FinishReason.EndOfText => "end_of_text",
        FinishReason.StopString => "stop_string",
        FinishReason.MaxTokens => "max_tokens",
        _ => "context_full",
    };

    private string Why() => Reason switch
    {
        "end_of_text" => "the model ended it",
        "stop_string" => "a stop text ended it",
        "max_tokens" => "--max-tokens ended it",
        _ => "the model's context is full",
    };
}

/// <summary>How many tokens a second were read and chosen.</summary>
/// <param name="Prompt">Of the prompt.</param>
/// <param name="Answer">Of the answer after its first, which the prompt's reading gives; null if it has no
/// other.</param>
internal sealed record GenerationRates(double? Prompt, double? Answer)
{
    public static GenerationRates Of(GenerationRequest request, GenerationResult result)
    {
        // The token that ends a text was chosen too.
        int chosen = result.Tokens.Count + (result.Reason == FinishReason.EndOfText ? 1 : 0);
        return new GenerationRates(
            Rate(request.Prompt.Length, result.PromptTime), Rate(chosen - 1, result.AnswerTime));
    }

    private static double? Rate(int tokens, TimeSpan time) => tokens > 0 && time > TimeSpan.Zero ? tokens / time.TotalSeconds : null;
}
