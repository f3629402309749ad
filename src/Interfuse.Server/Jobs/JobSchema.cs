using Microsoft.Data.Sqlite;

namespace Interfuse.Server.Jobs;

/// <summary>The tables of the list of jobs, and the settings of their database.</summary>
internal static class JobSchema
{
    /// <summary>Of <c>user_version</c>: what a later version changes, it changes from this one on.</summary>
    public const long Version = 1;

    // "IFMJ", so that a database of something else is known and left alone.
    private const long ApplicationId = 0x49464D4A;

    // One owner, who is told at once if there is another. A commit is on the disk when it returns, not only with the
    // system (that would be NORMAL): jobs change state seldom, and one that was accepted outlives a power failure too.
    private const string Settings = """
        PRAGMA locking_mode = EXCLUSIVE;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        """;

    private const string Tables = """
        CREATE TABLE jobs (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
            recipe TEXT NOT NULL,
            output TEXT NOT NULL,
            method TEXT NOT NULL,
            device TEXT NOT NULL,
            threads INTEGER NOT NULL,
            created INTEGER NOT NULL,
            started INTEGER,
            finished INTEGER,
            attempts INTEGER NOT NULL DEFAULT 0,
            stopping INTEGER NOT NULL DEFAULT 0,
            warnings TEXT NOT NULL,
            error TEXT,
            result TEXT
        ) STRICT;
        CREATE UNIQUE INDEX outputs ON jobs (output) WHERE state IN ('queued', 'running');
        CREATE INDEX states ON jobs (state, number);
        """;

    /// <summary>Makes a database that was just opened ready for use.</summary>
    /// <exception cref="InterfuseException">It is that of something else, or of a later version.</exception>
    /// <exception cref="SqliteException">It is damaged, or in use.</exception>
    public static void Prepare(SqliteConnection connection)
    {
        Execute(connection, Settings);
        if (Execute(connection, "PRAGMA quick_check(1)") is not "ok")
        {
            throw new SqliteException("its pages contradict each other", SQLitePCL.raw.SQLITE_CORRUPT);
        }

        long version = (long)Execute(connection, "PRAGMA user_version")!;
        bool isEmpty = version == 0 && (long)Execute(connection, "SELECT count(*) FROM sqlite_schema")! == 0;
        if (!isEmpty && (long)Execute(connection, "PRAGMA application_id")! != ApplicationId)
        {
            throw new InterfuseException(
                $"{connection.DataSource}: is a database of something else; give merge jobs a folder of their own.");
        }

        if (version > Version)
        {
            throw new InterfuseException(
                $"{connection.DataSource}: was written by a later version of Interfuse; run that one, or move the file away to "
                    + "begin with an empty list.");
        }

        if (isEmpty)
        {
            using SqliteTransaction transaction = connection.BeginTransaction();
            Execute(
                connection, $"{Tables} PRAGMA application_id = {ApplicationId}; PRAGMA user_version = {Version};", transaction);
            transaction.Commit();
        }
    }

    private static object? Execute(SqliteConnection connection, string sql, SqliteTransaction? transaction = null)
    {
        using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Every text is one of the constants above.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.Transaction = transaction;
        return command.ExecuteScalar();
    }
}
