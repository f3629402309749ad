using System.CommandLine;
using Interfuse.Server.Http;
using Interfuse.Server.Http.Configuration;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse serve MODEL_OR_PACK...</c></summary>
internal static class ServeCommand
{
    /// <summary>The command's name.</summary>
    public const string Name = "serve";

    private static readonly Argument<string[]> Models = new(AnswerOptions.ModelName)
    {
        Description = "Directories of models and of expert packs, beside those of the configuration.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    public static Command Create()
    {
        var command = new Command(Name, "Answer requests of OpenAI's clients with models and with experts of packs.")
        {
            Models,
        };
        foreach (Option option in ServeOptions.All)
        {
            command.Add(option);
        }

        command.SetAction((parsed, cancellation) => RunAsync(parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        string[] models = parsed.GetValue(Models) ?? [];
        await InterfuseServer.RunAsync(
            ServerConfiguration.Read(parsed.GetValue(ServeOptions.Config), ServeOptions.Settings(parsed), models),
            address => Console.WriteLine($"listening on {address}"),
            cancellation);
        return ExitCode.Ok;
    }
}
