using Microsoft.Data.Sqlite;

namespace Interfuse.Server.Jobs;

/// <summary>A statement of SQL that is prepared once and run often, by one thread at a time.</summary>
internal sealed class JobStatement : IDisposable
{
    private readonly SqliteCommand _command;

    /// <param name="connection">The database.</param>
    /// <param name="sql">The statement.</param>
    /// <param name="parameters">The names in it, in the order in which values are given: <c>$id</c>.</param>
    public JobStatement(SqliteConnection connection, string sql, params ReadOnlySpan<string> parameters)
    {
        _command = connection.CreateCommand();
#pragma warning disable CA2100 // Statements are constants of JobStore; values come as parameters.
        _command.CommandText = sql;
#pragma warning restore CA2100
        foreach (string parameter in parameters)
        {
            _command.Parameters.Add(new SqliteParameter(parameter, value: null));
        }

        _command.Prepare();
    }

    /// <summary>Runs it and gives the number of rows it changed.</summary>
    public int Execute(params ReadOnlySpan<object?> values)
    {
        Bind(values);
        return _command.ExecuteNonQuery();
    }

    /// <summary>Runs it and gives the one number it asks for, or null where there is none.</summary>
    public long? Number(params ReadOnlySpan<object?> values)
    {
        Bind(values);
        return _command.ExecuteScalar() as long?;
    }

    /// <summary>Runs it and gives what becomes of each row.</summary>
    public List<T> Rows<T>(Func<SqliteDataReader, T> read, params ReadOnlySpan<object?> values)
    {
        Bind(values);
        List<T> rows = [];
        using SqliteDataReader reader = _command.ExecuteReader();
        while (reader.Read())
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    public void Dispose() => _command.Dispose();

    private void Bind(ReadOnlySpan<object?> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            _command.Parameters[i].Value = values[i] ?? DBNull.Value;
        }
    }
}
