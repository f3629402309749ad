using System.Diagnostics;
using Interfuse.Experts.Encoders;
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

    private readonly Func<TimeSpan, MergeStatus> _status;
    private readonly long _bytes;
    private readonly long _begin = Stopwatch.GetTimestamp();
    private readonly ManualResetEventSlim _over = new();
    private readonly Task _shown;

    private ProgressView(long bytes, Func<TimeSpan, MergeStatus> status)
    {
        _bytes = bytes;
        _status = status;
        _shown = Task.Run(Follow);
    }

    /// <summary>Shows progress until disposed; null where it is not to be seen.</summary>
    public static ProgressView? Show(MergePlan plan, MergeProgress progress, bool hidden)
    {
        long bytes = plan.Layout.Shards.Sum(shard => shard.Tensors.Sum(tensor => tensor.ByteLength));
        return hidden
            ? null
            : new ProgressView(bytes, elapsed => MergeStatus.Of(progress, bytes, plan.TensorCount, elapsed));
    }

    /// <summary>The same for a pack, whose size is known only when its models have been read.</summary>
    public static ProgressView? Show(PackPlan plan, MergeProgress progress, bool hidden) => hidden
        ? null
        : new ProgressView(2 * plan.InputBytes, elapsed => MergeStatus.OfPack(progress, plan, elapsed));

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

    private MergeStatus Status() => _status(Stopwatch.GetElapsedTime(_begin));
}
