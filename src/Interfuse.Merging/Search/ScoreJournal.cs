using System.Globalization;
using System.Text;
using Interfuse.Checkpoints;
using Interfuse.Merging.Execution;

namespace Interfuse.Merging.Search;

/// <summary>The record of scores that lets an interrupted search be continued.</summary>
/// <remarks>
/// A text file: what the search depends on, as a digest, on the first line, then a line per candidate that was evaluated: its
/// key and its score. A last line that a crash cut short is ignored.
/// </remarks>
internal sealed class ScoreJournal : IDisposable
{
    public const string FileName = "search.journal";

    private const string Format = "interfuse search 1 ";

    private readonly FileStream _stream;
    private readonly Dictionary<string, double> _scores = [];

    private ScoreJournal(FileStream stream) => _stream = stream;

    /// <summary>How many candidates an earlier run had evaluated.</summary>
    public int Resumed { get; private set; }

    /// <summary>How many candidates have been evaluated, by this run or an earlier one.</summary>
    public int Count => _scores.Count;

    /// <summary>Whether a directory holds one.</summary>
    public static bool IsIn(string directory) => File.Exists(Path.Combine(directory, FileName));

    /// <summary>Begins a journal, or continues that of an interrupted search.</summary>
    /// <param name="staged">The directory it is in.</param>
    /// <param name="fingerprint">What the search depends on.</param>
    /// <exception cref="ResumeException">What is there belongs to something else, or is damaged.</exception>
    public static ScoreJournal Open(StagedDirectory staged, string fingerprint)
    {
        string path = Path.Combine(staged.Path, FileName);
        string[] lines = staged.Resumed && File.Exists(path) ? CompleteLines(path) : [];
        if (lines.Length > 0 ? lines[0] != Format + fingerprint : IsOtherMerge(staged))
        {
            throw new ResumeException(
                $"{staged.Path}: was begun with another recipe, other options, or models or tasks that have changed since; "
                    + "run without --resume to start over");
        }

        var journal = new ScoreJournal(new FileStream(path, FileMode.Create, FileAccess.Write));
        try
        {
            foreach (string line in lines.Skip(1))
            {
                if (line.Split(' ') is not [var key, var text]
                    || !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double score)
                    || !double.IsFinite(score))
                {
                    throw new ResumeException(
                        $"{path}: is damaged, so it can't be continued; run without --resume to start over");
                }

                journal._scores[key] = score;
            }

            // Written anew as a whole: a line that was cut short is gone, and what follows begins on a line of its own.
            journal.Resumed = journal._scores.Count;
            journal.Write($"{Format}{fingerprint}\n" + string.Concat(lines.Skip(1).Select(line => line + "\n")));
        }
        catch
        {
            journal.Dispose();
            throw;
        }

        return journal;
    }

    /// <summary>Finds the score of a candidate that was evaluated before.</summary>
    public bool TryGet(string key, out double score) => _scores.TryGetValue(key, out score);

    /// <summary>Records a score, on the disk.</summary>
    public void Add(string key, double score)
    {
        _scores.Add(key, score);
        Write(string.Create(CultureInfo.InvariantCulture, $"{key} {score:R}\n"));
    }

    public void Dispose() => _stream.Dispose();

    private static bool IsOtherMerge(StagedDirectory staged) =>
        staged.Resumed && File.Exists(Path.Combine(staged.Path, Journal.FileName));

    private static string[] CompleteLines(string path)
    {
        string text = File.ReadAllText(path);
        return text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private void Write(string text)
    {
        _stream.Write(Encoding.UTF8.GetBytes(text));
        _stream.Flush(flushToDisk: true);
    }
}
