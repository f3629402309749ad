namespace Interfuse.Cli;

/// <summary>Writes an answer to standard output while it comes.</summary>
/// <param name="output">Whether to: as JSON an answer is printed when it is over.</param>
internal sealed class AnswerWriter(Output output)
{
    private bool _begun;

    public void Write(string text)
    {
        if (!output.IsJson)
        {
            _begun = true;
            Console.Out.Write(Console.IsOutputRedirected ? text : ForTerminal(text));
            Console.Out.Flush();
        }
    }

    /// <summary>Ends the line, if any of the answer is there.</summary>
    public void End()
    {
        if (_begun)
        {
            Console.Out.WriteLine();
        }
    }

    // A model may say anything, codes that a terminal would obey among it.
    private static string ForTerminal(string text) => string.Create(text.Length, text, (shown, source) =>
    {
        for (int i = 0; i < shown.Length; i++)
        {
            shown[i] = char.IsControl(source[i]) && source[i] is not ('\n' or '\t') ? '?' : source[i];
        }
    });
}
