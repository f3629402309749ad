using Interfuse.Compute;
using Interfuse.Server.Engine;
using static Interfuse.Server.Tests.Engine.WholeAnswers;

namespace Interfuse.Server.Tests.Engine;

/// <summary>Requests under pressure: queues that are full, readers that are slow or gone, time that is over.</summary>
public sealed class BatchLoopTests
{
    // An answer of the tiny models takes some ten milliseconds; this many keep one busy for a while.
    private const int Many = 200;

    [Test]
    public async Task What_does_not_fit_the_queue_is_refused_and_the_rest_answered()
    {
        await using EngineHost host = await EngineHost.StartAsync(options => (options.MaxQueue, options.MaxBatch) = (8, 2));

        Task<WholeAnswer>[] all = [.. Enumerable.Range(0, Many).Select(_ => Ask(host, "tiny/shared"))];
        await Task.WhenAll(all.Select(task => task.ContinueWith(_ => { }, TaskScheduler.Default)));

        EngineException[] refused = [.. all.Where(task => task.IsFaulted).Select(task => (EngineException)task.Exception!.InnerException!)];
        Assert.That(refused, Is.Not.Empty);
        Assert.That(refused.Select(fault => fault.Fault), Has.All.EqualTo(EngineFault.Busy));
        Assert.That(refused.Select(fault => fault.RetryAfter), Has.All.GreaterThan(TimeSpan.Zero));
        Assert.That(
            all.Where(task => task.IsCompletedSuccessfully).Select(task => task.Result.Text).Distinct().Count(), Is.EqualTo(1));
        Assert.That((await Ask(host, "tiny/shared")).Text, Is.Not.Empty, "it goes on");
    }

    [Test]
    public async Task A_crowd_at_one_expert_does_not_hold_up_another()
    {
        await using EngineHost host = await EngineHost.StartAsync(options => options.MaxBatch = 2);
        Task<WholeAnswer>[] crowd = [.. Enumerable.Range(0, Many).Select(_ => Ask(host, "add"))];

        await Ask(host, "sort");

        Assert.That(crowd.Count(task => !task.IsCompleted), Is.GreaterThan(Many / 2));
        await Task.WhenAll(crowd);
    }

    [Test]
    public async Task A_reader_that_stops_reading_holds_no_place()
    {
        await using EngineHost host = await EngineHost.StartAsync(options => options.MaxBatch = 1);
        await using IAsyncEnumerator<AnswerPiece> slow =
            host.Engine.GenerateAsync(Request("tiny/shared", "x", 40) with { IgnoreEndOfText = true }).GetAsyncEnumerator();
        await slow.MoveNextAsync();

        WholeAnswer other = await Ask(host, "sort");

        Assert.That(other.Text, Is.Not.Empty);
        AnswerEnd? end = null;
        while (await slow.MoveNextAsync())
        {
            end = slow.Current.End;
        }

        Assert.That(end!.AnswerTokens, Is.EqualTo(40), "and nothing of its answer is lost");
    }

    [Test]
    public async Task Who_leaves_or_cancels_makes_room_at_the_next_step()
    {
        await using EngineHost host = await EngineHost.StartAsync(options => (options.MaxBatch, options.MaxQueue) = (1, 2));
        EngineRequest endless = Request("tiny/shared", "x", 60) with { IgnoreEndOfText = true };
        for (int i = 0; i < 50; i++)
        {
            await foreach (AnswerPiece _ in host.Engine.GenerateAsync(endless))
            {
                break;
            }

            using var cancellation = new CancellationTokenSource();
            Task<WholeAnswer> cancelled = host.Engine.AskAsync(endless, cancellation.Token);
            await cancellation.CancelAsync();
            Assert.That(async () => await cancelled, Throws.InstanceOf<OperationCanceledException>());
        }

        // Two waiting requests would fill the queue.
        Assert.That((await Ask(host, "sort")).Text, Is.Not.Empty);
    }

    [Test]
    public async Task A_request_whose_time_is_over_ends_wherever_it_is()
    {
        await using EngineHost host = await EngineHost.StartAsync(options => options.MaxBatch = 1);
        Task<WholeAnswer>[] crowd = [.. Enumerable.Range(0, 50).Select(_ => Ask(host, "add"))];
        EngineRequest hasty = Request("sort", "sort planet=") with { Deadline = TimeSpan.FromTicks(1) };

        EngineException? fault = Assert.ThrowsAsync<EngineException>(() => host.Engine.AskAsync(hasty));

        Assert.That(fault!.Fault, Is.EqualTo(EngineFault.Deadline));
        await Task.WhenAll(crowd);
    }

    [Test]
    public async Task Answers_wait_until_the_memory_that_they_may_need_is_free()
    {
        // A page of the tiny models' cache: 4 layers, 2 heads, keys and values of 32 floats, for each of its tokens.
        long page = 4L * 2 * 2 * 32 * sizeof(float) * KeyValuePages.Length;
        await using EngineHost host = await EngineHost.StartAsync(options => options.CacheBytes = 3 * page);

        WholeAnswer[] answers = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => Ask(host, "tiny/auto")));

        Assert.That(answers.Select(answer => answer.Text).Distinct().Count(), Is.EqualTo(1));
        await using EngineHost small = await EngineHost.StartAsync(options => options.CacheBytes = page - 1);
        EngineException? fault = Assert.ThrowsAsync<EngineException>(() => Ask(small, "sort"));
        Assert.That(fault!.Message, Does.Contain("keys and values"));
    }

    private static Task<WholeAnswer> Ask(EngineHost host, string model) =>
        Task.Run(() => host.Engine.AskAsync(Request(model, "sort planet=")));
}
