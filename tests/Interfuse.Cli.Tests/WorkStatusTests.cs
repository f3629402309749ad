using Interfuse.Merging.Execution;

namespace Interfuse.Cli.Tests;

public sealed class WorkStatusTests
{
    private static readonly WorkStatus HalfWay = new(
        Done: 500_000_000,
        Total: 1_000_000_000,
        Moved: 3_000_000_000,
        Elapsed: TimeSpan.FromSeconds(75))
    {
        Tensors = (7, 20),
    };

    [Test]
    public void A_line_shows_the_share_tensors_rate_and_time_left()
    {
        Assert.That(HalfWay.ToText(), Is.EqualTo(" 50 %  7/20 tensors  40.0 MB/s  0:01:15 left"));
    }

    [Test]
    public void Days_are_counted_in_hours()
    {
        WorkStatus slow = HalfWay with { Elapsed = TimeSpan.FromHours(30) };

        Assert.That(slow.ToText(), Does.EndWith("  30:00:00 left"));
    }

    [Test]
    public void The_time_left_is_not_guessed_from_almost_nothing()
    {
        WorkStatus early = HalfWay with { Done = 1000 };

        Assert.That(early.Left, Is.Null);
        Assert.That(early.ToText(), Is.EqualTo("  0 %  7/20 tensors  40.0 MB/s"));
    }

    [Test]
    public void What_an_interrupted_run_did_does_not_count_as_pace()
    {
        // 100 of 500 MB written in 75 s: the other 400 take 300.
        WorkStatus resumed = HalfWay with { Done = 600_000_000, BytesResumed = 500_000_000 };

        Assert.That(resumed.Left, Is.EqualTo(TimeSpan.FromSeconds(300)));
    }

    [Test]
    public void At_the_end_it_says_what_is_waited_for()
    {
        WorkStatus computed = HalfWay with { Done = 1_000_000_000, AtEnd = "flushing to disk" };

        Assert.That(computed.ToText(), Is.EqualTo("100 %  7/20 tensors  40.0 MB/s  flushing to disk"));
    }

    [Test]
    public void Nothing_to_do_is_no_division_by_zero()
    {
        var status = WorkStatus.OfTensors(new MergeProgress(), 0, 0, tensors: 0, TimeSpan.Zero);

        Assert.That(status.ToText(), Is.EqualTo("100 %  0/0 tensors  0 B/s  flushing to disk"));
    }

    [Test]
    public void A_rounded_share_never_says_done_too_early()
    {
        WorkStatus nearly = HalfWay with { Done = 999_999_999 };

        Assert.That(nearly.ToText(), Does.StartWith(" 99 %"));
    }

    [Test]
    public void Samples_are_counted_over_evaluations_that_follow_each_other()
    {
        var progress = new SampleProgress(80);
        progress.Report(30);
        progress.Complete(30);
        progress.Report(10);

        Assert.That(progress.Status(TimeSpan.FromSeconds(4)).ToText(), Is.EqualTo(" 50 %  40/80 samples  10.0/s  0:00:04 left"));
    }

    [Test]
    public void Bytes_alone_tell_how_far_an_export_is()
    {
        var progress = new ByteProgress();
        progress.Report(60_000_000);
        progress.Report(50_000_000);

        Assert.That(Text(), Is.EqualTo(" 60 %  60.0 MB/s  0:00:02 left"), "a thread that comes late takes nothing back");
        progress.Report(100_000_000);
        Assert.That(Text(), Is.EqualTo("100 %  100 MB/s  flushing to disk"));

        string Text() => progress.Status(100_000_000, bytesMoved: 2, "flushing to disk", TimeSpan.FromSeconds(2)).ToText();
    }
}
