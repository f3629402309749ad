using Interfuse.Inference.Generation;
using Interfuse.Server.Engine;

namespace Interfuse.Server.Http.Errors;

/// <summary>What clients call what the engine finds at fault.</summary>
internal static class ParameterNames
{
    public static string? Of(string? property) => property switch
    {
        null => null,
        nameof(EngineRequest.Model) => "model",
        nameof(EngineRequest.Prompt) => "prompt",
        nameof(EnginePrompt.Messages) => "messages",
        nameof(EngineRequest.Mixture) => "interfuse.mixture",
        nameof(EngineRequest.Policy) => "interfuse.policy",
        nameof(EngineRequest.Deadline) => "interfuse.deadline_ms",
        nameof(EngineRequest.MaxTokens) => "max_tokens",
        nameof(EngineRequest.StopStrings) => "stop",
        nameof(EngineRequest.TopLogProbs) => "top_logprobs",
        nameof(EngineRequest.Sampling) => null,
        nameof(SamplingOptions.Temperature) => "temperature",
        nameof(SamplingOptions.TopK) => "top_k",
        nameof(SamplingOptions.TopP) => "top_p",
        nameof(SamplingOptions.MinP) => "min_p",
        nameof(SamplingOptions.RepetitionPenalty) => "repetition_penalty",
        nameof(SamplingOptions.FrequencyPenalty) => "frequency_penalty",
        nameof(SamplingOptions.PresencePenalty) => "presence_penalty",
        nameof(SamplingOptions.LogitBias) => "logit_bias",
        nameof(ModelSource.Name) => "name",
        nameof(ModelSource.Path) or "path" => "path",
        _ => null,
    };
}
