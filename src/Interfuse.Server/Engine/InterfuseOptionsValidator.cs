using Interfuse.Compute;
using Interfuse.Inference.Generation;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Engine;

/// <summary>Refuses options outside their ranges before anything is loaded.</summary>
internal sealed class InterfuseOptionsValidator : IValidateOptions<InterfuseOptions>
{
    public ValidateOptionsResult Validate(string? name, InterfuseOptions options)
    {
        var faults = new List<string>();
        Check(Devices.Names.Contains(options.Device), nameof(options.Device), $"is one of {string.Join(", ", Devices.Names)}");
        Check(options.Threads is >= 0 and <= 1024, nameof(options.Threads), "is 0 to 1024");
        Check(Enum.IsDefined(options.Policy), nameof(options.Policy), "is Classifier, Mixture or Uncertainty");
        Check(
            options.MaxBatch is >= 1 and <= AnswerBatch.MaxAnswers, nameof(options.MaxBatch), $"is 1 to {AnswerBatch.MaxAnswers}");
        Check(options.MaxQueue >= 1, nameof(options.MaxQueue), "is 1 or more");
        Check(options.PromptTokensPerStep >= 1, nameof(options.PromptTokensPerStep), "is 1 or more");
        Check(options.MaxPromptTokens >= 0, nameof(options.MaxPromptTokens), "is 0 or more");
        Check(options.MaxAnswerTokens >= 1, nameof(options.MaxAnswerTokens), "is 1 or more");
        Check(options.DefaultAnswerTokens >= 1, nameof(options.DefaultAnswerTokens), "is 1 or more");
        Check(options.Deadline > TimeSpan.Zero, nameof(options.Deadline), "is above 0");
        Check(options.CacheBytes >= 1, nameof(options.CacheBytes), "is 1 or more");
        Check(options.MaxModelBytes >= 0, nameof(options.MaxModelBytes), "is 0 or more");
        Check(options.DrainTime >= TimeSpan.Zero, nameof(options.DrainTime), "is 0 or more");
        Check(options.Models.All(model => !string.IsNullOrEmpty(model.Path)), nameof(options.Models), "each have a Path");
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);

        void Check(bool isGood, string option, string rule)
        {
            if (!isGood)
            {
                faults.Add($"{InterfuseOptions.Section}:{option} {rule}.");
            }
        }
    }
}
