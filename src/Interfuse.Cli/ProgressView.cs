using System.Diagnostics;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;
using Spectre.Console;

namespace Interfuse.Cli;

/// <summary>
/// Shows how far a merge is, on the error stream: a bar where that is a terminal, elsewhere a plain line now and then.
/// </summary>
internal sealed class ProgressView : IDisposable
{
    private static readonly TimeSpan BarInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(30);

    private readonly MergeProgress _progress;
    private readonly int _tensors;
    private readonly long _bytes;
    private readonly long _begin = Stopwatch.GetTimestamp();
    private readonly ManualResetEventSlim _over = new();
    private readonly Task _shown;

    private ProgressView(MergePlan plan, MergeProgress progress)
    {
        _progress = progress;
        _tensors = plan.TensorCount;
        _bytes = plan.Layout.Shards.Sum(shard => shard.Tensors.Sum(tensor => tensor.ByteLength));
        _shown = Task.Run(Follow);
    }

    /// <summary>Shows progress until disposed; null where it is not to be seen.</summary>
    public static ProgressView? Show(MergePlan plan, MergeProgress progress, bool hidden) =>
        hidden ? null : new ProgressView(plan, progress);

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
            // The terminal is gone; the merge goes on without being watched.
        }
    }

    private void ShowBar(IAnsiConsole console) => console.Progress()
        .AutoClear(true)
        .Columns(new ProgressBarColumn { Width = 32 }, new TaskDescriptionColumn { Alignment = Justify.Left })
        .Start(context =>
        {
            ProgressTask task = context.AddTask(Markup.Escape(Status().ToText()), maxValue: _bytes);
            do
            {
                MergeStatus status = Status();
                task.Value = status.BytesDone;
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

    private MergeStatus Status() =>
        MergeStatus.Of(_progress, _bytes, _tensors, Stopwatch.GetElapsedTime(_begin));
}
