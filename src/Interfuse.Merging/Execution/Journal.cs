using System.Globalization;
using System.Text;

namespace Interfuse.Merging.Execution;

/// <summary>The record of finished tensors that lets an interrupted merge be continued.</summary>
/// <remarks>
/// A text file: the plan's fingerprint on the first line, then a line per tensor whose bytes are on the disk: its index, how many
/// of its values are NaN or infinite, and what figures about it the work itself found. A last line that a crash cut short is
/// ignored.
/// </remarks>
internal sealed class Journal : IDisposable
{
    public const string FileName = "journal";

    private const string Format = "interfuse journal 1 ";

    private readonly FileStream _stream;

    private Journal(FileStream stream) => _stream = stream;

    /// <summary>Begins a journal.</summary>
    public static Journal Create(string directory, string fingerprint)
    {
        var journal = new Journal(new FileStream(Path.Combine(directory, FileName), FileMode.Create, FileAccess.Write));
        journal.Write($"{Format}{fingerprint}\n");
        return journal;
    }

    /// <summary>Opens the journal of an interrupted merge, and gives the finished tensors with their counts.</summary>
    /// <param name="directory">The directory it is in.</param>
    /// <param name="fingerprint">The plan's.</param>
    /// <param name="tensors">How many tensors the plan has.</param>
    /// <param name="finished">Receives the finished tensors by their index.</param>
    /// <param name="figures">How many figures a tensor has that has any.</param>
    /// <returns>Null where there is none: the interruption came before anything was written.</returns>
    /// <exception cref="ResumeException">It belongs to another merge, or is damaged.</exception>
    public static Journal? Resume(
        string directory, string fingerprint, int tensors, out Dictionary<int, FinishedTensor> finished, int figures = 0)
    {
        finished = [];
        string path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
        {
            return null;
        }

        string text = File.ReadAllText(path);
        string[] lines = text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length == 0)
        {
            return null;
        }

        if (lines[0] != Format + fingerprint)
        {
            throw new ResumeException(
                $"{directory}: was begun with another recipe, other options, or models that have changed since; run without --resume to start over");
        }

        foreach (string line in lines.Skip(1))
        {
            if (Parse(line, figures) is not { } tensor || tensor.Index >= tensors)
            {
                throw new ResumeException($"{path}: is damaged, so it can't be continued; run without --resume to start over");
            }

            finished[tensor.Index] = tensor;
        }

        var stream = new FileStream(path, FileMode.Open, FileAccess.Write);
        stream.SetLength(Encoding.UTF8.GetByteCount(text[..(text.LastIndexOf('\n') + 1)]));
        stream.Seek(0, SeekOrigin.End);
        return new Journal(stream);
    }

    /// <summary>Records tensors whose bytes are on the disk.</summary>
    public void Add(IEnumerable<FinishedTensor> written) => Write(string.Concat(written.Select(Line)));

    public void Dispose() => _stream.Dispose();

    // Figures are written so that they are read back to the bit.
    private static string Line(FinishedTensor tensor) =>
        string.Create(CultureInfo.InvariantCulture, $"{tensor.Index} {tensor.NonFinite}")
        + string.Concat(tensor.Figures.Select(figure => " " + figure.ToString("R", CultureInfo.InvariantCulture))) + "\n";

    private static FinishedTensor? Parse(string line, int figures)
    {
        string[] words = line.Split(' ');
        if (words.Length != 2 && words.Length != 2 + figures)
        {
            return null;
        }

        double[] found = new double[words.Length - 2];
        for (int i = 0; i < found.Length; i++)
        {
            if (!double.TryParse(words[i + 2], NumberStyles.Float, CultureInfo.InvariantCulture, out found[i]))
            {
                return null;
            }
        }

        return int.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out int index)
            && long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out long nonFinite)
            ? new FinishedTensor(index, nonFinite) { Figures = found }
            : null;
    }

    private void Write(string text)
    {
        _stream.Write(Encoding.UTF8.GetBytes(text));
        _stream.Flush(flushToDisk: true);
    }
}

/// <summary>A tensor whose bytes have all been handed to the system.</summary>
/// <param name="Index">Its place in the layout.</param>
/// <param name="NonFinite">How many of its values are NaN or infinite.</param>
internal readonly record struct FinishedTensor(int Index, long NonFinite)
{
    private readonly IReadOnlyList<double>? _figures;

    /// <summary>What the work found about the tensor, and finding it again would take the work again; empty for nothing.</summary>
    public IReadOnlyList<double> Figures
    {
        get => _figures ?? [];
        init => _figures = value;
    }
}
