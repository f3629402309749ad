using Interfuse.Server.Jobs;
using Interfuse.Testing;
using Microsoft.Data.Sqlite;

namespace Interfuse.Server.Tests.Jobs;

/// <summary>The list of jobs on the disk: what is in it stays, and what can't be read is said at the start.</summary>
public sealed class JobStoreTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 28, 12, 0, 0, TimeSpan.Zero);

    private TempFolder _folder = null!;

    private string State => _folder["state"];

    private string Database => _folder["state", "merges.db"];

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Jobs_survive_reopening_with_all_that_is_known_of_them()
    {
        var result = new MergeJobResult("pack", 1 << 20, "abc", ["math", "code"]);
        using (var store = JobStore.Open(State))
        {
            store.Add(Job("a") with { Warnings = ["odd: \"x\""] }, maxQueued: 9);
            store.Add(Job("b"), maxQueued: 9);
            store.Add(Job("c"), maxQueued: 9);
            store.Take(Noon);
            store.Finish("a", MergeJobState.Done, Noon.AddHours(1), error: null, result, kept: 9);
            store.Take(Noon);
            store.Finish("b", MergeJobState.Failed, Noon.AddHours(2), "no such tensor", result: null, kept: 9);
        }

        using var again = JobStore.Open(State);

        MergeJob a = again.Find("a")!;
        Assert.That(a.Result!.Experts, Is.EqualTo(result.Experts));
        Assert.That(a.Warnings, Is.EqualTo(new[] { "odd: \"x\"" }));
        Assert.That(
            a with { Result = null, Warnings = [] },
            Is.EqualTo(Job("a") with
            {
                State = MergeJobState.Done,
                Attempts = 1,
                StartedAt = Noon,
                FinishedAt = Noon.AddHours(1),
                Warnings = [],
            }));
        Assert.That(again.Find("b")!.Error, Is.EqualTo("no such tensor"));
        Assert.That(again.Find("c")!.State, Is.EqualTo(MergeJobState.Queued));
        Assert.That(again.Find("d"), Is.Null);
    }

    [Test]
    public void The_job_that_waited_longest_is_taken_first_and_keeps_its_place_when_put_back()
    {
        using var store = JobStore.Open(State);
        store.Add(Job("a"), maxQueued: 9);
        store.Add(Job("b"), maxQueued: 9);

        Assert.That(store.Take(Noon)!.Id, Is.EqualTo("a"));
        Assert.That(store.Running().Select(job => job.Id), Is.EqualTo(new[] { "a" }));
        store.PutBack("a", isForgiven: true);
        Assert.That(store.Take(Noon), Has.Property("Id").EqualTo("a").And.Property("Attempts").EqualTo(1));
        store.PutBack("a", isForgiven: false);
        Assert.That(store.Take(Noon), Has.Property("Id").EqualTo("a").And.Property("Attempts").EqualTo(2));
        Assert.That(store.Take(Noon)!.Id, Is.EqualTo("b"));
        Assert.That(store.Take(Noon), Is.Null);
    }

    [Test]
    public void No_more_jobs_wait_than_may()
    {
        using var store = JobStore.Open(State);

        Assert.That(store.Add(Job("a"), maxQueued: 1), Is.EqualTo(JobAddition.Added));
        Assert.That(store.Add(Job("b"), maxQueued: 1), Is.EqualTo(JobAddition.Full));
        store.Take(Noon);
        Assert.That(store.Add(Job("b"), maxQueued: 1), Is.EqualTo(JobAddition.Added));
    }

    [Test]
    public void Two_jobs_that_have_not_ended_never_make_one_output()
    {
        using var store = JobStore.Open(State);
        store.Add(Job("a"), maxQueued: 9);

        Assert.That(store.Add(Job("b") with { Output = "out-a" }, maxQueued: 9), Is.EqualTo(JobAddition.OutputTaken));
        Assert.That((store.IsMaking("out-a"), store.IsMaking("out-b")), Is.EqualTo((true, false)));
        store.Take(Noon);
        Assert.That(store.Add(Job("b") with { Output = "out-a" }, maxQueued: 9), Is.EqualTo(JobAddition.OutputTaken));
        store.Finish("a", MergeJobState.Failed, Noon, "", result: null, kept: 9);
        Assert.That(store.Add(Job("b") with { Output = "out-a" }, maxQueued: 9), Is.EqualTo(JobAddition.Added));
    }

    [Test]
    public void Jobs_are_listed_by_pages_from_the_newest_on()
    {
        using var store = JobStore.Open(State);
        foreach (string id in new[] { "a", "b", "c", "d" })
        {
            store.Add(Job(id), maxQueued: 9);
        }

        Assert.That(store.List(3, after: null)!.Select(job => job.Id), Is.EqualTo(new[] { "d", "c", "b" }));
        Assert.That(store.List(3, after: "b")!.Select(job => job.Id), Is.EqualTo(new[] { "a" }));
        Assert.That(store.List(3, after: "a"), Is.Empty);
        Assert.That(store.List(3, after: "x"), Is.Null);
    }

    [Test]
    public void Of_jobs_that_ended_those_that_ended_first_are_forgotten()
    {
        using var store = JobStore.Open(State);
        foreach (string id in new[] { "a", "b", "c", "d" })
        {
            store.Add(Job(id), maxQueued: 9);
            store.Take(Noon);
        }

        store.Add(Job("e"), maxQueued: 9);
        store.Finish("c", MergeJobState.Done, Noon.AddHours(1), error: null, result: null, kept: 2);
        store.Finish("a", MergeJobState.Cancelled, Noon.AddHours(2), error: null, result: null, kept: 2);
        store.Finish("b", MergeJobState.Failed, Noon.AddHours(3), error: "", result: null, kept: 2);

        Assert.That(store.List(9, after: null)!.Select(job => job.Id), Is.EqualTo(new[] { "e", "d", "b", "a" }));
    }

    [Test]
    public void Any_number_of_threads_may_use_it()
    {
        using var store = JobStore.Open(State);
        var taken = new System.Collections.Concurrent.ConcurrentBag<string>();
        Parallel.For(0, 40, i =>
        {
            Assert.That(store.Add(Job($"job{i}"), maxQueued: 40), Is.EqualTo(JobAddition.Added));
            store.List(5, after: null);
            MergeJob job = store.Take(Noon)!;
            taken.Add(job.Id);
            store.Finish(job.Id, MergeJobState.Done, Noon, error: null, result: null, kept: 99);
        });

        Assert.That(taken, Is.Unique.And.Exactly(40).Items);
        Assert.That(store.List(99, after: null), Has.All.Property("State").EqualTo(MergeJobState.Done).And.Exactly(40).Items);
    }

    [Test]
    public void A_list_that_is_closed_says_so()
    {
        var store = JobStore.Open(State);
        store.Dispose();

        Assert.That(() => store.Take(Noon), Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void A_second_owner_is_refused()
    {
        using var store = JobStore.Open(State);

        Assert.That(
            () => JobStore.Open(State),
            Throws.TypeOf<InterfuseException>().With.Message.Contains(Database).And.Message.Contains("another process"));
    }

    [Test]
    public void A_file_that_is_no_database_is_named()
    {
        _folder.Write("state/merges.db", new string('x', 5000));

        Assert.That(
            () => JobStore.Open(State),
            Throws.TypeOf<InterfuseException>().With.Message.Contains(Database).And.Message.Contains("move it away"));
    }

    [Test]
    public void A_damaged_list_is_found_out_at_the_start()
    {
        using (var store = JobStore.Open(State))
        {
            for (int i = 0; i < 200; i++)
            {
                store.Add(Job($"job{i}") with { Recipe = new string('r', 500) }, maxQueued: 999);
            }
        }

        using (FileStream file = File.Open(Database, FileMode.Open))
        {
            file.Position = file.Length / 2;
            file.Write(new byte[8192]);
        }

        Assert.That(
            () => JobStore.Open(State),
            Throws.TypeOf<InterfuseException>().With.Message.Contains(Database).And.Message.Contains("damaged"));
    }

    [TestCase("PRAGMA user_version = 2", "later version")]
    [TestCase("PRAGMA application_id = 7", "something else")]
    public void A_list_of_another_kind_is_left_alone(string change, string told)
    {
        JobStore.Open(State).Dispose();
        Execute(change);
        byte[] before = File.ReadAllBytes(Database);

        Assert.That(() => JobStore.Open(State), Throws.TypeOf<InterfuseException>().With.Message.Contains(told));

        Assert.That(File.ReadAllBytes(Database), Is.EqualTo(before));
    }

    [Test]
    public void A_database_of_another_program_is_left_alone()
    {
        Directory.CreateDirectory(State);
        Execute("CREATE TABLE jobs (id TEXT)");

        Assert.That(() => JobStore.Open(State), Throws.TypeOf<InterfuseException>().With.Message.Contains("something else"));
    }

    [Test]
    public void A_folder_that_can_not_be_made_is_named()
    {
        _folder.Write("state", "a file");

        Assert.That(() => JobStore.Open(State), Throws.TypeOf<InterfuseException>().With.Message.Contains(State));
    }

    private static MergeJob Job(string id) => new()
    {
        Id = id,
        State = MergeJobState.Queued,
        Recipe = "merge_method: linear\n",
        Output = "out-" + id,
        Method = "linear",
        Device = "cpu",
        Threads = 2,
        CreatedAt = Noon.AddDays(-1),
    };

    private void Execute(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Database};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // The tests' own statements.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }
}
