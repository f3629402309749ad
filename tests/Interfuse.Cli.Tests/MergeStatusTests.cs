namespace Interfuse.Cli.Tests;

public sealed class MergeStatusTests
{
    private static readonly MergeStatus HalfWay = new(
        BytesDone: 500_000_000,
        BytesTotal: 1_000_000_000,
        BytesResumed: 0,
        BytesMoved: 3_000_000_000,
        TensorsDone: 7,
        TensorsTotal: 20,
        Elapsed: TimeSpan.FromSeconds(75));

    [Test]
    public void A_line_shows_the_share_tensors_rate_and_time_left()
    {
        Assert.That(HalfWay.ToText(), Is.EqualTo(" 50 %  7/20 tensors  40.0 MB/s  0:01:15 left"));
    }

    [Test]
    public void Days_are_counted_in_hours()
    {
        MergeStatus slow = HalfWay with { Elapsed = TimeSpan.FromHours(30) };

        Assert.That(slow.ToText(), Does.EndWith("  30:00:00 left"));
    }

    [Test]
    public void The_time_left_is_not_guessed_from_almost_nothing()
    {
        MergeStatus early = HalfWay with { BytesDone = 1000 };

        Assert.That(early.Left, Is.Null);
        Assert.That(early.ToText(), Is.EqualTo("  0 %  7/20 tensors  40.0 MB/s"));
    }

    [Test]
    public void What_an_interrupted_run_did_does_not_count_as_pace()
    {
        // 100 of 500 MB written in 75 s: the other 400 take 300.
        MergeStatus resumed = HalfWay with { BytesDone = 600_000_000, BytesResumed = 500_000_000 };

        Assert.That(resumed.Left, Is.EqualTo(TimeSpan.FromSeconds(300)));
    }

    [Test]
    public void When_all_is_computed_the_disk_is_waited_for()
    {
        MergeStatus computed = HalfWay with { BytesDone = 1_000_000_000, TensorsDone = 20 };

        Assert.That(computed.ToText(), Is.EqualTo("100 %  20/20 tensors  40.0 MB/s  flushing to disk"));
    }

    [Test]
    public void Nothing_to_do_is_no_division_by_zero()
    {
        Assert.That(default(MergeStatus).ToText(), Is.EqualTo("100 %  0/0 tensors  0 B/s  flushing to disk"));
    }

    [Test]
    public void A_rounded_share_never_says_done_too_early()
    {
        MergeStatus nearly = HalfWay with { BytesDone = 999_999_999 };

        Assert.That(nearly.ToText(), Does.StartWith(" 99 %"));
    }
}
