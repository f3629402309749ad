using System.Globalization;
using System.Text.Json;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Chat;
using Interfuse.Inference.Generation;
using Interfuse.Server.Engine;
using Interfuse.Server.Http.Errors;

namespace Interfuse.Server.Http.OpenAi;

/// <summary>What the engine is asked for by a body; refuses what would change the answer's meaning and is not done here.</summary>
internal static class AnswerRules
{
    private const int MaxTopLogProbs = 20;
    private const int MaxStopLength = 1000;
    private const int MaxMixtureLength = 4000;
    private const int MaxBiases = 1000;
    private const double MaxTemperature = 2;

    /// <summary>What OpenAI's clients expect where they do not say.</summary>
    private const double DefaultTemperature = 1;

    public static EngineRequest Of(CompletionBody body, ExpertName name)
    {
        PromptValue prompt = body.Prompt ?? throw ApiException.Of("'prompt' is needed.", "prompt");
        if (prompt is { Text: null, Tokens.IsEmpty: true })
        {
            throw ApiException.Of("'prompt' has no tokens.", "prompt");
        }

        Refuse(body.Echo == true, "echo", "the prompt is not repeated here");
        Refuse(!string.IsNullOrEmpty(body.Suffix), "suffix", "texts are continued here, and not filled in");
        Refuse(body.BestOf is not (null or 1), "best_of", "one answer is made for each request");
        return Common(body, name, body.MaxTokens, "max_tokens") with
        {
            Prompt = prompt.Text is { } text ? EnginePrompt.Of(text) : EnginePrompt.Of(prompt.Tokens),
            TopLogProbs = InRange(body.Logprobs, "logprobs", 0, MaxTopLogProbs),
        };
    }

    public static EngineRequest Of(ChatBody body, ExpertName name)
    {
        Refuse(!IsEmpty(body.Tools), "tools", "models call no tools here");
        Refuse(!IsEmpty(body.Functions), "functions", "models call no functions here");
        Refuse(!IsNoCall(body.ToolChoice), "tool_choice", "models call no tools here");
        Refuse(!IsNoCall(body.FunctionCall), "function_call", "models call no functions here");
        Refuse(body.ResponseFormat is { Type: not "text" }, "response_format", "answers are text, of no set form");
        Refuse(body.Modalities is { } kinds && kinds.Any(kind => kind != "text"), "modalities", "answers are text");
        Refuse(body.Audio is not null, "audio", "answers are text");
        Refuse(body.WebSearchOptions is not null, "web_search_options", "nothing is searched here");
        Refuse(
            body.TopLogprobs is not null && body.Logprobs != true, "top_logprobs", "it needs 'logprobs' to be true");
        int? top = InRange(body.TopLogprobs, "top_logprobs", 0, MaxTopLogProbs);
        (int? most, string mostName) = body.MaxCompletionTokens is { } newer
            ? (newer, "max_completion_tokens")
            : (body.MaxTokens, "max_tokens");
        return Common(body, name, most, mostName) with
        {
            Prompt = EnginePrompt.Of(Messages(body.Messages)),
            TopLogProbs = body.Logprobs == true ? top ?? 0 : null,
        };
    }

    private static EngineRequest Common(AnswerBody body, ExpertName name, int? most, string mostName)
    {
        Refuse(body.N is not (null or 1), "n", "one answer is made for each request");
        (RoutePolicy? policy, string? mixture) = Route(body.Interfuse, name);
        return new EngineRequest(name.Id, EnginePrompt.Of(""))
        {
            Mixture = mixture,
            Policy = policy,
            MaxTokens = InRange(most, mostName, 1, int.MaxValue),
            Sampling = Sampling(body),
            StopStrings = Stops(body.Stop),
            Deadline = InRange(body.Interfuse?.DeadlineMs, "interfuse.deadline_ms", 1, int.MaxValue) is { } time
                ? TimeSpan.FromMilliseconds(time)
                : null,
        };
    }

    private static (RoutePolicy? Policy, string? Mixture) Route(InterfuseFields? fields, ExpertName name)
    {
        RoutePolicy? policy = fields?.Policy is not { } word
            ? null
            : RouteWords.Parse(word) ?? throw ApiException.Of(
                "'interfuse.policy' has to be 'classifier', 'mixture' or 'uncertainty'.", "interfuse.policy");
        Refuse(
            policy is not null && name.Kind != ExpertNameKind.Auto, "interfuse.policy",
            "a router decides only where the model is 'auto'");
        Refuse(
            fields?.Mixture is not null && name.Kind == ExpertNameKind.Plain, "interfuse.mixture", "the model is no pack of experts");
        Refuse(
            fields is { Mixture: not null, Policy: not null }, "interfuse.mixture", "either it or 'interfuse.policy' says who answers");
        Refuse(fields?.Mixture is { Length: > MaxMixtureLength }, "interfuse.mixture", "it is too long for one");
        return (policy, fields?.Mixture);
    }

    private static SamplingOptions Sampling(AnswerBody body) => new()
    {
        Temperature = InRange(body.Temperature, "temperature", 0, MaxTemperature) ?? DefaultTemperature,
        TopP = Checked(body.TopP, "top_p", value => value is > 0 and <= 1, "above 0 to 1") ?? 1,
        TopK = InRange(body.TopK, "top_k", 0, int.MaxValue) ?? 0,
        MinP = InRange(body.MinP, "min_p", 0, 1) ?? 0,
        RepetitionPenalty = Checked(
            body.RepetitionPenalty, "repetition_penalty", value => value is > 0 and <= 100, "above 0 to 100") ?? 1,
        FrequencyPenalty = InRange(
            body.FrequencyPenalty, "frequency_penalty", -SamplingOptions.MaxPenalty, SamplingOptions.MaxPenalty) ?? 0,
        PresencePenalty = InRange(
            body.PresencePenalty, "presence_penalty", -SamplingOptions.MaxPenalty, SamplingOptions.MaxPenalty) ?? 0,
        LogitBias = Biases(body.LogitBias),
        Seed = unchecked((ulong)(body.Seed ?? Random.Shared.NextInt64())),
    };

    private static IReadOnlyDictionary<int, double> Biases(JsonElement? bias)
    {
        if (IsEmpty(bias))
        {
            return SamplingOptions.Greedy.LogitBias;
        }

        if (bias is not { ValueKind: JsonValueKind.Object } tokens || tokens.GetPropertyCount() > MaxBiases)
        {
            throw ApiException.Of(
                $"'logit_bias' has to be an object of up to {MaxBiases} tokens and what is added to their logits.", "logit_bias");
        }

        var biases = new Dictionary<int, double>();
        foreach (JsonProperty token in tokens.EnumerateObject())
        {
            bool isToken = int.TryParse(token.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id);
            double added = 0;
            bool isGood = isToken && token.Value.ValueKind == JsonValueKind.Number && token.Value.TryGetDouble(out added)
                && Math.Abs(added) <= SamplingOptions.MaxBias;
            if (!isGood || !biases.TryAdd(id, added))
            {
                throw ApiException.Of(
                    $"'logit_bias' has to name each token by its number, once, with -{SamplingOptions.MaxBias} to "
                    + $"{SamplingOptions.MaxBias} for it.",
                    "logit_bias");
            }
        }

        return biases;
    }

    private static IReadOnlyList<string> Stops(StopTexts? stop)
    {
        IReadOnlyList<string> texts = stop?.Texts ?? [];
        return texts.All(text => text.Length is > 0 and <= MaxStopLength)
            ? texts
            : throw ApiException.Of($"A text of 'stop' has 1 to {MaxStopLength} characters.", "stop");
    }

    private static List<ChatMessage> Messages(IReadOnlyList<MessageBody>? messages)
    {
        if (messages is not { Count: > 0 })
        {
            throw ApiException.Of("'messages' is needed, with one message or more.", "messages");
        }

        var known = new List<ChatMessage>(messages.Count);
        for (int i = 0; i < messages.Count; i++)
        {
            string place = $"messages[{i}]";
            MessageBody message = messages[i] ?? throw ApiException.Of($"'{place}' has to be an object.", place);
            Refuse(!IsEmpty(message.ToolCalls), $"{place}.tool_calls", "models call no tools here");
            string role = message.Role switch
            {
                "system" or "developer" => "system",
                "user" or "assistant" => message.Role,
                _ => throw ApiException.Of(
                    $"'{place}.role' has to be 'system', 'developer', 'user' or 'assistant'.", $"{place}.role"),
            };
            string text = message.Content?.Text
                ?? throw ApiException.Of($"'{place}.content' is needed.", $"{place}.content");
            known.Add(new ChatMessage(role, text));
        }

        return known;
    }

    private static int? InRange(int? value, string name, int least, int most) =>
        Checked(value, name, number => number >= least && number <= most, Range(least, most));

    private static double? InRange(double? value, string name, double least, double most) =>
        Checked(value, name, number => number >= least && number <= most, Range(least, most));

    private static T? Checked<T>(T? value, string name, Func<T, bool> isGood, string range)
        where T : struct, IFormattable =>
        value is not { } number || isGood(number)
            ? value
            : throw ApiException.Of(
                $"'{name}' is {number.ToString(null, CultureInfo.InvariantCulture)}, and {range} is needed.", name);

    private static string Range(IFormattable least, IFormattable most) => most is int.MaxValue
        ? string.Create(CultureInfo.InvariantCulture, $"{least} or more")
        : string.Create(CultureInfo.InvariantCulture, $"{least} to {most}");

    private static bool IsEmpty(JsonElement? value) => value is not { } element || element.ValueKind switch
    {
        JsonValueKind.Array => element.GetArrayLength() == 0,
        JsonValueKind.Object => element.GetPropertyCount() == 0,
        JsonValueKind.Null => true,
        _ => false,
    };

    private static bool IsNoCall(JsonElement? value) => value is not { } element
        || element.ValueKind == JsonValueKind.Null
        || (element.ValueKind == JsonValueKind.String && (element.ValueEquals("none") || element.ValueEquals("auto")));

    private static void Refuse(bool isUnfit, string name, string reason)
    {
        if (isUnfit)
        {
            throw ApiException.Of($"'{name}' can't be had as it is given: {reason}.", name);
        }
    }
}
