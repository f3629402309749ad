using System.CommandLine;
using Interfuse.Server.Http.Security;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse hash-key</c></summary>
internal static class HashKeyCommand
{
    public static Command Create()
    {
        var command = new Command(
            "hash-key", "Read a key for 'interfuse serve' from standard input, and print the hash that is configured.");
        command.SetAction(async (_, cancellation) =>
        {
            // On a command line, others on the machine could read it.
            string key = await Console.In.ReadLineAsync(cancellation) ?? "";
            Console.WriteLine(ApiKeyHash.Of(key));
            return ExitCode.Ok;
        });
        return command;
    }
}
