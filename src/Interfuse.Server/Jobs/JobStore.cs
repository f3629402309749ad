using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace Interfuse.Server.Jobs;

/// <summary>The list of jobs on the disk, in SQLite. What a method has done is there to stay when it returns.</summary>
/// <remarks>Safe for any number of threads, one of which is served at a time; no second process can open it.</remarks>
internal sealed class JobStore : IDisposable
{
    private const string FileName = "merges.db";

    private const string Columns = "id, state, recipe, output, method, device, threads, created, started, finished, attempts, "
        + "stopping, warnings, error, result";

    private readonly Lock _gate = new();
    private readonly SqliteConnection _connection;
    private readonly JobStatement _add;
    private readonly JobStatement _count;
    private readonly JobStatement _find;
    private readonly JobStatement _numberOf;
    private readonly JobStatement _list;
    private readonly JobStatement _running;
    private readonly JobStatement _take;
    private readonly JobStatement _putBack;
    private readonly JobStatement _stop;
    private readonly JobStatement _finish;
    private readonly JobStatement _prune;
    private readonly JobStatement _makers;
    private bool _isDisposed;

    private JobStore(SqliteConnection connection)
    {
        _connection = connection;
        JobStatement Make(string sql, params ReadOnlySpan<string> parameters) => new(connection, sql, parameters);

        _add = Make(
            "INSERT INTO jobs (id, state, recipe, output, method, device, threads, created, warnings) "
                + "VALUES ($id, 'queued', $recipe, $output, $method, $device, $threads, $created, $warnings)",
            "$id", "$recipe", "$output", "$method", "$device", "$threads", "$created", "$warnings");
        _count = Make("SELECT count(*) FROM jobs WHERE state = $state", "$state");
        _find = Make($"SELECT {Columns} FROM jobs WHERE id = $id", "$id");
        _numberOf = Make("SELECT number FROM jobs WHERE id = $id", "$id");
        _list = Make(
            $"SELECT {Columns} FROM jobs WHERE number < $before ORDER BY number DESC LIMIT $limit", "$before", "$limit");
        _running = Make($"SELECT {Columns} FROM jobs WHERE state = 'running' ORDER BY number");
        _take = Make(
            "UPDATE jobs SET state = 'running', attempts = attempts + 1, started = $now WHERE number = "
                + $"(SELECT min(number) FROM jobs WHERE state = 'queued') RETURNING {Columns}",
            "$now");
        _putBack = Make(
            "UPDATE jobs SET state = 'queued', attempts = attempts - $forgiven WHERE id = $id AND state = 'running'",
            "$forgiven", "$id");
        _stop = Make("UPDATE jobs SET stopping = 1 WHERE id = $id AND state = 'running'", "$id");
        _finish = Make(
            "UPDATE jobs SET state = $state, finished = $now, error = $error, result = $result WHERE id = $id",
            "$state", "$now", "$error", "$result", "$id");
        _prune = Make(
            "DELETE FROM jobs WHERE state IN ('done', 'failed', 'cancelled') AND number NOT IN (SELECT number FROM jobs "
                + "WHERE state IN ('done', 'failed', 'cancelled') ORDER BY finished DESC, number DESC LIMIT $kept)",
            "$kept");
        _makers = Make(
            "SELECT count(*) FROM jobs WHERE output = $output AND state IN ('queued', 'running')", "$output");
    }

    /// <summary>Opens the list in a folder, or begins it.</summary>
    /// <exception cref="InterfuseException">It can't be opened; the message names the file and says what to do.</exception>
    public static JobStore Open(string folder)
    {
        string path = Path.Combine(Path.GetFullPath(folder), FileName);
        SqliteConnection? connection = null;
        try
        {
            Directory.CreateDirectory(folder);
            connection = new SqliteConnection(new SqliteConnectionStringBuilder
            {
                DataSource = path,
                Pooling = false,
                DefaultTimeout = 1,
            }.ToString());
            connection.Open();
            JobSchema.Prepare(connection);
            return new JobStore(connection);
        }
        catch (Exception error)
        {
            connection?.Dispose();
            throw error switch
            {
                SqliteException sqlite => new InterfuseException($"{path}: {Explain(sqlite)}", sqlite),
                IOException or UnauthorizedAccessException => new InterfuseException(
                    $"{folder}: can't hold the list of merge jobs ({error.Message}); choose another folder.", error),
                _ => error,
            };
        }
    }

    /// <summary>Adds a job to the end of the queue.</summary>
    /// <param name="job">The job.</param>
    /// <param name="maxQueued">The most jobs that wait.</param>
    public JobAddition Add(MergeJob job, int maxQueued)
    {
        using (Enter())
        {
            if (CountOf(MergeJobState.Queued) >= maxQueued)
            {
                return JobAddition.Full;
            }

            try
            {
                _add.Execute(
                    job.Id, job.Recipe, job.Output, job.Method, job.Device, job.Threads, job.CreatedAt.ToUnixTimeMilliseconds(),
                    JsonSerializer.Serialize(job.Warnings, JobStoreJson.Default.IReadOnlyListString));
                return JobAddition.Added;
            }
            catch (SqliteException error) when (error.SqliteExtendedErrorCode == SQLitePCL.raw.SQLITE_CONSTRAINT_UNIQUE)
            {
                return JobAddition.OutputTaken;
            }
        }
    }

    /// <summary>How many jobs are in a state.</summary>
    public int CountOf(MergeJobState state)
    {
        using (Enter())
        {
            return (int)_count.Number(Word(state))!.Value;
        }
    }

    /// <summary>Whether a job that has not ended makes an output.</summary>
    public bool IsMaking(string output)
    {
        using (Enter())
        {
            return _makers.Number(output) > 0;
        }
    }

    /// <summary>Finds a job, or gives null.</summary>
    public MergeJob? Find(string id)
    {
        using (Enter())
        {
            return _find.Rows(Read, id).SingleOrDefault();
        }
    }

    /// <summary>Lists jobs, the newest first; null where there is none to begin after.</summary>
    public IReadOnlyList<MergeJob>? List(int limit, string? after)
    {
        using (Enter())
        {
            long? before = after is null ? long.MaxValue : _numberOf.Number(after);
            return before is null ? null : _list.Rows(Read, before, limit);
        }
    }

    /// <summary>The jobs that are at work, or were when the process before this one ended.</summary>
    public IReadOnlyList<MergeJob> Running()
    {
        using (Enter())
        {
            return _running.Rows(Read);
        }
    }

    /// <summary>Begins the job that has waited longest, and counts the attempt; null where none waits.</summary>
    public MergeJob? Take(DateTimeOffset now)
    {
        using (Enter())
        {
            return _take.Rows(Read, now.ToUnixTimeMilliseconds()).SingleOrDefault();
        }
    }

    /// <summary>Puts a job that runs back to its place in the queue.</summary>
    /// <param name="id">The job.</param>
    /// <param name="isForgiven">Whether the attempt is not counted.</param>
    public void PutBack(string id, bool isForgiven)
    {
        using (Enter())
        {
            _putBack.Execute(isForgiven ? 1 : 0, id);
        }
    }

    /// <summary>Notes that a job that runs is to stop: a process after this one will not go on with it.</summary>
    public void Stop(string id)
    {
        using (Enter())
        {
            _stop.Execute(id);
        }
    }

    /// <summary>Ends a job, and forgets those that ended longest ago.</summary>
    /// <param name="id">The job.</param>
    /// <param name="state">What it becomes.</param>
    /// <param name="now">The time.</param>
    /// <param name="error">Why it failed, or null.</param>
    /// <param name="result">What it made, or null.</param>
    /// <param name="kept">How many that have ended are remembered.</param>
    public void Finish(string id, MergeJobState state, DateTimeOffset now, string? error, MergeJobResult? result, int kept)
    {
        using (Enter())
        {
            _finish.Execute(
                Word(state), now.ToUnixTimeMilliseconds(), error,
                result is null ? null : JsonSerializer.Serialize(result, JobStoreJson.Default.MergeJobResult), id);
            _prune.Execute(kept);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            JobStatement[] statements =
                [_add, _count, _find, _numberOf, _list, _running, _take, _putBack, _stop, _finish, _prune, _makers];
            Array.ForEach(statements, statement => statement.Dispose());
            _connection.Dispose();
        }
    }

    /// <summary>A state as clients and the database know it.</summary>
    public static string Word(MergeJobState state) => state switch
    {
        MergeJobState.Queued => "queued",
        MergeJobState.Running => "running",
        MergeJobState.Done => "done",
        MergeJobState.Failed => "failed",
        MergeJobState.Cancelled => "cancelled",
        _ => throw new ArgumentOutOfRangeException(nameof(state)),
    };

    private Lock.Scope Enter()
    {
        Lock.Scope scope = _gate.EnterScope();
        if (_isDisposed)
        {
            scope.Dispose();
            throw new ObjectDisposedException(nameof(JobStore));
        }

        return scope;
    }

    private static MergeJob Read(SqliteDataReader row) => new()
    {
        Id = row.GetString(0),
        State = Array.Find(Enum.GetValues<MergeJobState>(), state => Word(state) == row.GetString(1)),
        Recipe = row.GetString(2),
        Output = row.GetString(3),
        Method = row.GetString(4),
        Device = row.GetString(5),
        Threads = row.GetInt32(6),
        CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(7)),
        StartedAt = Time(row, 8),
        FinishedAt = Time(row, 9),
        Attempts = row.GetInt32(10),
        IsStopping = row.GetInt32(11) != 0,
        Warnings = JsonSerializer.Deserialize(row.GetString(12), JobStoreJson.Default.IReadOnlyListString)!,
        Error = row.IsDBNull(13) ? null : row.GetString(13),
        Result = row.IsDBNull(14)
            ? null
            : JsonSerializer.Deserialize(row.GetString(14), JobStoreJson.Default.MergeJobResult),
    };

    private static DateTimeOffset? Time(SqliteDataReader row, int column) =>
        row.IsDBNull(column) ? null : DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(column));

    private static string Explain(SqliteException error) => error.SqliteErrorCode switch
    {
        SQLitePCL.raw.SQLITE_BUSY or SQLitePCL.raw.SQLITE_LOCKED =>
            "another process uses it; give each server a folder of its own.",
        SQLitePCL.raw.SQLITE_CORRUPT or SQLitePCL.raw.SQLITE_NOTADB =>
            $"is damaged, or no list of merge jobs ({error.Message}); move it away to begin with an empty one.",
        _ => $"can't be used ({error.Message}); see that the folder can be written to and has room.",
    };
}

/// <summary>What came of adding a job.</summary>
internal enum JobAddition
{
    /// <summary>It waits.</summary>
    Added,

    /// <summary>As many wait as may.</summary>
    Full,

    /// <summary>A job that has not ended makes the same output.</summary>
    OutputTaken,
}
