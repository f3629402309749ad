namespace Interfuse.Cli;

/// <summary>Files that a command writes beside its result: complete, or not there under their name.</summary>
internal static class OutputFile
{
    /// <summary>Refuses a place that can't be written to: before the work of minutes, rather than after it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="what">What it is for, for the message.</param>
    /// <exception cref="InterfuseException">It is a folder, or its folder isn't there.</exception>
    public static void CheckPlace(string path, string what)
    {
        string full = Path.GetFullPath(path);
        if (Directory.Exists(full))
        {
            throw new InterfuseException($"{path}: is a folder; give the name of a file for {what}");
        }

        if (!Directory.Exists(Path.GetDirectoryName(full)))
        {
            throw new InterfuseException($"{path}: there is no folder {Path.GetDirectoryName(full)}; make it first");
        }
    }

    /// <summary>Writes a text file; one that is there is replaced.</summary>
    public static void Write(string path, Action<TextWriter> write)
    {
        string temporary = $"{Path.GetFullPath(path)}.{Environment.ProcessId}.tmp";
        try
        {
            using (var file = new StreamWriter(temporary))
            {
                write(file);
            }

            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
