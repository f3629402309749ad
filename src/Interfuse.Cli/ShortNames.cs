namespace Interfuse.Cli;

/// <summary>Names of files and directories in tables.</summary>
internal static class ShortNames
{
    /// <summary>The short names of paths, or the paths themselves where two would have the same.</summary>
    public static string[] Of(IReadOnlyList<string> paths, Func<string, string> shorten)
    {
        string[] names = [.. paths.Select(path => shorten(Path.GetFullPath(Path.TrimEndingDirectorySeparator(path))))];
        ILookup<string, string> sharing = names.ToLookup(name => name);
        return [.. names.Select((name, i) => name.Length > 0 && sharing[name].Count() == 1 ? name : paths[i])];
    }
}
