using System.CommandLine;
using System.Diagnostics;
using Interfuse.Compute;
using Interfuse.Experts;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Chat;
using Interfuse.Inference.Generation;
using Interfuse.Inference.Models;
using Interfuse.Inference.Routing;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse generate MODEL_OR_PACK --prompt TEXT</c></summary>
internal static class GenerateCommand
{
    private static readonly GenerationRequest Defaults = new(ReadOnlyMemory<int>.Empty);

    private static readonly Argument<string> ModelPath = new(AnswerOptions.ModelName)
    {
        Description = "The directory of a model or of an expert pack.",
    };

    private static readonly Option<string?> SystemPrompt = new("--system")
    {
        Description = "The system message before the prompt; needs --chat.",
        HelpName = "TEXT",
    };

    private static readonly Option<ulong?> MaxTokens = AnswerOptions.MaxTokens(Defaults.MaxTokens);

    private static readonly Option<bool> IgnoreEndOfText = new("--ignore-eos")
    {
        Description = "Go on when the model says that its answer is over.",
    };

    public static Command Create()
    {
        var command = new Command("generate", "Let a model, or experts of a pack, continue a text.")
        {
            ModelPath, PromptInput.Prompt, ExpertChoice.Expert, ExpertChoice.Mixture, ExpertChoice.Shared, ExpertChoice.Route,
            AnswerOptions.Chat, SystemPrompt, MaxTokens,
        };
        foreach (Option option in SamplingArguments.All)
        {
            command.Add(option);
        }

        Option[] others =
        [
            AnswerOptions.Stop, IgnoreEndOfText, CommonOptions.DeviceName, CommonOptions.Threads, CommonOptions.Json,
            CommonOptions.Quiet,
        ];
        Array.ForEach(others, command.Add);
        ExpertChoice.AllowOne(
            command, isNeeded: false, ExpertChoice.Expert, ExpertChoice.Mixture, ExpertChoice.Shared, ExpertChoice.Route);
        command.Validators.Add(result =>
        {
            if (result.GetResult(SystemPrompt) is not null && !result.GetValue(AnswerOptions.Chat))
            {
                result.AddError("--system: a system message needs --chat, which writes it as the model expects it");
            }
        });
        command.SetAction((parsed, cancellation) => Task.Run(() => RunAsync(parsed, cancellation), CancellationToken.None));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        using var model = RunnableModel.Open(parsed.GetRequiredValue(ModelPath), parsed.GetValue(AnswerOptions.Chat));
        PackRouter? trained = parsed.GetValue(ExpertChoice.Route) is null ? null : model.OpenRouter();
        ExpertMix? mix = trained is null ? MixOf(model, parsed) : null;
        string prompt = await PromptInput.ReadAsync(parsed, cancellation);
        int[] tokens = Tokens(model, prompt, parsed.GetValue(SystemPrompt));
        var output = Output.Of(parsed);
        int threads = CommonOptions.ThreadsOf(parsed);
        using Device device = CommonOptions.OpenDevice(parsed, output, threads);
        using Decoder decoder = model.Load(device);
        RouteDecision? route = trained is null
            ? null
            : new Router(trained, decoder, model.Tokenizer, parsed.GetValue(ExpertChoice.Route)!.Value).Route(prompt);
        GenerationRequest request = Request(parsed, tokens, mix ?? route!.Mix);

        var answer = new AnswerWriter(output);
        long begin = Stopwatch.GetTimestamp();
        GenerationResult result;
        try
        {
            result = new Generator(decoder, model.Tokenizer).Run(
                [request], onText: (_, text) => answer.Write(text), cancellation: cancellation)[0];
        }
        finally
        {
            answer.End();
        }

        var report = GenerationReport.Of(model, prompt, request, result, device) with
        {
            Seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds,
            Route = route is null ? null : RouteReport.Of(route, model.Experts),
        };
        if (output.IsJson)
        {
            output.Print(report, report.ToText);
        }
        else
        {
            if (report.Route is { } why)
            {
                output.Note(why.ToText());
            }

            output.Note(report.ToText());
        }

        return ExitCode.Ok;
    }

    private static ExpertMix MixOf(RunnableModel model, ParseResult parsed)
    {
        if (parsed.GetValue(ExpertChoice.Expert) is { } name)
        {
            return ExpertMix.Of(model.FindExpert(name));
        }

        if (parsed.GetValue(ExpertChoice.Mixture) is { } shares)
        {
            return model.FindMix(shares);
        }

        if (parsed.GetValue(ExpertChoice.Shared))
        {
            return model.FindShared();
        }

        return model.Experts.Count == 0
            ? ExpertMix.Of(0)
            : throw new InterfuseException(
                $"{model.Path}: is a pack of several experts; choose one by --expert: "
                + $"{string.Join(", ", model.Experts.Select(expert => $"'{expert}'"))}; or give --mixture, --shared or --route.");
    }

    private static int[] Tokens(RunnableModel model, string prompt, string? system)
    {
        ChatMessage[] messages =
            [.. system is null ? Array.Empty<ChatMessage>() : [new("system", system)], new("user", prompt)];
        int[] tokens = model.Chat is { } chat
            ? model.Tokenizer.Encode(chat.Render(messages), addSpecialTokens: false)
            : model.Tokenizer.Encode(prompt);
        return tokens.Length > 0
            ? tokens
            : throw new InterfuseException("The prompt has no token in this model's vocabulary; give a text to continue.");
    }

    private static GenerationRequest Request(ParseResult parsed, int[] prompt, ExpertMix mix) => new(prompt, mix)
    {
        MaxTokens = (int?)parsed.GetValue(MaxTokens) ?? Defaults.MaxTokens,
        Sampling = SamplingArguments.Of(parsed),
        StopStrings = parsed.GetValue(AnswerOptions.Stop) ?? [],
        IgnoreEndOfText = parsed.GetValue(IgnoreEndOfText),
    };
}
