using System.Diagnostics;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;
using Spectre.Console;

namespace Interfuse.Cli;

/// <summary>A progress bar on the terminal while a merge runs; nothing where the error stream is not a terminal.</summary>
internal sealed class ProgressView : IDisposable
{
    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(100);

    private readonly MergePlan _plan;
    private readonly MergeProgress _progress;
    private readonly ManualResetEventSlim _over = new();
    private readonly Task _shown;
    private readonly long _begin = Stopwatch.GetTimestamp();

    private ProgressView(MergePlan plan, MergeProgress progress, IAnsiConsole console)
    {
        _plan = plan;
        _progress = progress;
        _shown = Task.Run(() => console.Live(Line()).AutoClear(true).Start(Follow));
    }

    /// <summary>Shows progress until disposed; null where it is not to be seen.</summary>
    public static ProgressView? Show(MergePlan plan, MergeProgress progress, bool hidden) =>
        hidden || Console.IsErrorRedirected
            ? null
            : new ProgressView(
                plan, progress, AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }));

    public void Dispose()
    {
        _over.Set();
        _shown.Wait();
        _over.Dispose();
    }

    private void Follow(LiveDisplayContext display)
    {
        while (!_over.Wait(Refresh))
        {
            display.UpdateTarget(Line());
        }
    }

    private Columns Line()
    {
        long total = _plan.Layout.Shards.Sum(shard => shard.Length);
        long done = _progress.BytesWritten + _progress.BytesResumed;
        double seconds = Math.Max(Stopwatch.GetElapsedTime(_begin).TotalSeconds, 1e-3);
        double rate = (_progress.BytesRead + _progress.BytesWritten) / seconds;
        double left = _progress.BytesWritten == 0 ? double.NaN : (total - done) * seconds / _progress.BytesWritten;
        var bar = new BreakdownChart().Width(32).HideTags()
            .AddItem("done", done, Color.Green)
            .AddItem("left", Math.Max(total - done, 0), Color.Grey23);
        var text = new Text(
            $"{100.0 * done / total:0} %  {_progress.TensorsDone}/{_plan.TensorCount} tensors  {Sizes.Format(rate)}/s  {Left(left)}");
        return new Columns(bar, text).Collapse();
    }

    private static string Left(double seconds) =>
        double.IsNaN(seconds) ? "" : $"{TimeSpan.FromSeconds(Math.Ceiling(seconds)):h\\:mm\\:ss} left";
}
