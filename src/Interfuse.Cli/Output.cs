using System.CommandLine;
using Interfuse.Cli.Commands;

namespace Interfuse.Cli;

/// <summary>What a command says beside its errors, as <c>--json</c> and <c>--quiet</c> have it.</summary>
/// <param name="IsJson">Whether the result is one JSON document, even if nothing else is to be said.</param>
/// <param name="IsQuiet">Whether people are told errors only.</param>
internal sealed record Output(bool IsJson, bool IsQuiet)
{
    public static Output Of(ParseResult parsed) =>
        new(parsed.GetValue(CommonOptions.Json), parsed.GetValue(CommonOptions.Quiet));

    public void Note(string message)
    {
        if (!IsQuiet)
        {
            Messages.Note(message);
        }
    }

    public void Warn(IEnumerable<string> warnings)
    {
        foreach (string warning in IsQuiet ? [] : warnings)
        {
            Messages.Warning(warning);
        }
    }

    /// <summary>Shows how far work is until disposed; null where that is not wanted.</summary>
    /// <param name="status">Tells how far the work is, a time after it began.</param>
    public ProgressView? ShowProgress(Func<TimeSpan, WorkStatus> status) =>
        IsQuiet || IsJson ? null : new ProgressView(status);

    /// <summary>Prints a report.</summary>
    /// <param name="report">Becomes the JSON.</param>
    /// <param name="text">What people read of it.</param>
    public void Print<T>(T report, Func<string> text)
    {
        if (IsJson)
        {
            Console.WriteLine(Reports.ToJson(report));
        }
        else if (!IsQuiet)
        {
            Console.WriteLine(text());
        }
    }
}
