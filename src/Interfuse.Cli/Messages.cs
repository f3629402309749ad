namespace Interfuse.Cli;

/// <summary>One-line messages on the error stream.</summary>
internal static class Messages
{
    public static void Error(string message) => Note($"error: {message}");

    public static void Warning(string message) => Note($"warning: {message}");

    public static void Note(string message) => Console.Error.WriteLine(OneLine(message));

    /// <summary>Text that may come from a file, without line ends or codes that a terminal would obey.</summary>
    public static string OneLine(string text) =>
        string.Create(text.Length, text, (line, source) =>
        {
            for (int i = 0; i < line.Length; i++)
            {
                line[i] = source[i] is '\r' or '\n' or '\t' ? ' ' : char.IsControl(source[i]) ? '?' : source[i];
            }
        });
}
