using System.Diagnostics;
using Spectre.Console;

namespace Interfuse.Cli;

/// <summary>
/// Shows how far some work is, on the error stream: a bar where that is a terminal, elsewhere a plain line now
/// and then.
/// </summary>
internal sealed class ProgressView : IDisposable
{
    private static readonly TimeSpan BarInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(30);

    private readonly long _begin = Stopwatch.GetTimestamp();
    private readonly Func<TimeSpan, WorkStatus> _status;
    private readonly ManualResetEventSlim _over = new();
    private readonly Task _shown;

    /// <summary>Shows progress until disposed.</summary>
    /// <param name="status">Tells how far the work is, a time after it began.</param>
    public ProgressView(Func<TimeSpan, WorkStatus> status)
    {
        _status = status;
        _shown = Task.Run(Follow);
    }

    public void Dispose()
    {
        _over.Set();
        _shown.Wait();
        _over.Dispose();
    }

    private void Follow()
    {
        try
        {
            IAnsiConsole console = AnsiConsole.Create(
                new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
            if (!Console.IsErrorRedirected && console.Profile.Capabilities is { Ansi: true, Interactive: true })
            {
                ShowBar(console);
            }
            else
            {
                ShowLines();
            }
        }
        catch (IOException)
        {
            // The terminal is gone; the work goes on without being watched.
        }
    }

    private void ShowBar(IAnsiConsole console) => console.Progress()
        .AutoClear(true)
        .Columns(new ProgressBarColumn { Width = 32 }, new TaskDescriptionColumn { Alignment = Justify.Left })
        .Start(context =>
        {
            ProgressTask task = context.AddTask(Markup.Escape(Status().ToText()));
            do
            {
                WorkStatus status = Status();
                task.MaxValue = status.Total;
                task.Value = status.Done;
                task.Description = Markup.Escape(status.ToText());
            }
            while (!_over.Wait(BarInterval));
        });

    private void ShowLines()
    {
        while (!_over.Wait(LineInterval))
        {
            Messages.Note(Status().ToText());
        }
    }

    private WorkStatus Status() => _status(Stopwatch.GetElapsedTime(_begin));
}
