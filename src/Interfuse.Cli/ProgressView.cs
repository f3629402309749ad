using System.Diagnostics;
using Interfuse.Experts.Encoders;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;
using Spectre.Console;

namespace Interfuse.Cli;

/// <summary>
/// Shows how far a merge or an analysis is, on the error stream: a bar where that is a terminal, elsewhere a plain line now and then.
/// </summary>
internal sealed class ProgressView : IDisposable
{
    private static readonly TimeSpan BarInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(30);

    private readonly Func<(long Done, long Total, string Text)> _status;
    private readonly ManualResetEventSlim _over = new();
    private readonly Task _shown;

    private ProgressView(Func<(long Done, long Total, string Text)> status)
    {
        _status = status;
        _shown = Task.Run(Follow);
    }

    /// <summary>Shows progress until disposed; null where it is not to be seen.</summary>
    public static ProgressView? Show(MergePlan plan, MergeProgress progress, bool hidden)
    {
        long bytes = plan.Layout.Shards.Sum(shard => shard.Tensors.Sum(tensor => tensor.ByteLength));
        long begin = Stopwatch.GetTimestamp();
        return Show(
            () =>
            {
                var status = MergeStatus.Of(progress, bytes, plan.TensorCount, Stopwatch.GetElapsedTime(begin));
                return (status.BytesDone, bytes, status.ToText());
            },
            hidden);
    }

    /// <summary>The same for a pack, whose size is known only when its models have been read.</summary>
    public static ProgressView? Show(PackPlan plan, MergeProgress progress, bool hidden)
    {
        long begin = Stopwatch.GetTimestamp();
        return Show(
            () =>
            {
                var status = MergeStatus.OfPack(progress, plan, Stopwatch.GetElapsedTime(begin));
                return (status.BytesDone, status.BytesTotal, status.ToText());
            },
            hidden);
    }

    /// <summary>Shows the progress of any work, in bytes and in words, until disposed; null where it is hidden.</summary>
    public static ProgressView? Show(Func<(long Done, long Total, string Text)> status, bool hidden) =>
        hidden ? null : new ProgressView(status);

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
            ProgressTask task = context.AddTask(Markup.Escape(_status().Text));
            do
            {
                (long done, task.MaxValue, string text) = _status();
                task.Value = done;
                task.Description = Markup.Escape(text);
            }
            while (!_over.Wait(BarInterval));
        });

    private void ShowLines()
    {
        while (!_over.Wait(LineInterval))
        {
            Messages.Note(_status().Text);
        }
    }
}
