using System.CommandLine;
using Interfuse.Compute;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Models;
using Interfuse.Inference.Routing;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse route show PACK --prompt TEXT</c></summary>
internal static class RouteShowCommand
{
    public static Command Create()
    {
        var command = new Command("show", "Show whom a pack's router would send a prompt to, by every policy.")
        {
            RouteCommand.PackPath, PromptInput.Prompt, CommonOptions.DeviceName, CommonOptions.Threads, CommonOptions.Json,
        };
        command.SetAction((parsed, cancellation) => Task.Run(() => RunAsync(parsed, cancellation), CancellationToken.None));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        using var model = RunnableModel.Open(parsed.GetRequiredValue(RouteCommand.PackPath), chat: false);
        PackRouter router = model.OpenRouter();
        string prompt = await PromptInput.ReadAsync(parsed, cancellation);
        var output = Output.Of(parsed);
        using Device device = CommonOptions.OpenDevice(parsed, output, CommonOptions.ThreadsOf(parsed));
        using Decoder decoder = model.Load(device);
        RouteScores scores = new Router(router, decoder, model.Tokenizer, RoutePolicy.Classifier).Route(prompt).Scores;
        var report = new RouteShowReport(
            model.Path,
            prompt,
            [.. Enum.GetValues<RoutePolicy>().Select(policy =>
                RouteReport.Of(RouteDecision.Of(policy, scores, router.Marks), model.Experts))]);
        output.Print(report, report.ToText);
        return ExitCode.Ok;
    }
}
