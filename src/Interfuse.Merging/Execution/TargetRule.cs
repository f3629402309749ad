namespace Interfuse.Merging.Execution;

/// <summary>Where a result may go.</summary>
internal static class TargetRule
{
    /// <summary>Refuses a target that is, contains or lies in a model that is read.</summary>
    /// <exception cref="InterfuseException">It does.</exception>
    public static void RefuseInputs(string target, IEnumerable<string> models)
    {
        string output = RealPath(Path.GetFullPath(target)) + Path.DirectorySeparatorChar;
        foreach (string model in models)
        {
            string input = RealPath(model) + Path.DirectorySeparatorChar;
            if (output.StartsWith(input, StringComparison.Ordinal) || input.StartsWith(output, StringComparison.Ordinal))
            {
                throw new InterfuseException(
                    $"{target}: the output can't be, contain or lie in the model {model} that the recipe reads; choose another directory");
            }
        }
    }

    /// <summary>A full path with every symbolic link on the way followed, so that two names of one directory are seen to be one.</summary>
    internal static string RealPath(string path)
    {
        string? parent = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(path));
        if (parent is null)
        {
            return "";
        }

        string full = Path.Combine(RealPath(parent) + Path.DirectorySeparatorChar, Path.GetFileName(Path.TrimEndingDirectorySeparator(path)));
        string? link = new DirectoryInfo(full).LinkTarget;
        return link is null ? full : RealPath(Path.GetFullPath(link, Path.GetDirectoryName(full)!));
    }
}
