using System.Text.RegularExpressions;
using Interfuse.Checkpoints;
using Interfuse.Server.Engine;

namespace Interfuse.Server.Jobs;

/// <summary>The folders that jobs read and write in, and how clients are told of what lies there.</summary>
internal sealed partial class JobFolders
{
    private const int MaxNameLength = 100;

    private readonly AllowedFolders _models;
    private readonly AllowedFolders _outputs;
    private readonly string[] _prefixes;

    /// <exception cref="InterfuseException">A folder is not there.</exception>
    public JobFolders(MergeJobOptions options)
    {
        _models = new AllowedFolders(options.ModelRoots);
        _outputs = new AllowedFolders([options.OutputRoot!]);

        // The longest first, so that nothing is left of a folder that lies in another.
        _prefixes =
        [
            .. _models.Roots.Concat(_outputs.Roots)
                .Concat(options.ModelRoots.Append(options.OutputRoot!).Append(options.StateFolder!).Select(Path.GetFullPath))
                .Select(folder => Path.TrimEndingDirectorySeparator(folder) + Path.DirectorySeparatorChar)
                .Distinct()
                .OrderByDescending(prefix => prefix.Length),
        ];
    }

    /// <summary>A directory that a recipe names, by its real path.</summary>
    /// <exception cref="EngineException">It is not there, or not allowed.</exception>
    public string ModelAt(string path) => _models.DirectoryAt(path);

    /// <summary>A file that a recipe names, by its real path.</summary>
    /// <exception cref="EngineException">It is not there, or not allowed.</exception>
    public string FileAt(string path) => _models.FileAt(path);

    /// <summary>The full path of an output.</summary>
    public string OutputAt(string name) => Path.Combine(_outputs.Roots[0], name);

    /// <summary>Checks the name of an output that is yet to be made.</summary>
    /// <exception cref="MergeJobException">It is no name, or is taken.</exception>
    public void CheckNewOutput(string name)
    {
        const string Parameter = "output";
        if (name.Length > MaxNameLength || !OutputName().IsMatch(name))
        {
            throw new MergeJobException(
                MergeJobFault.BadRequest,
                $"'output' is not the name of a directory: expected 1 to {MaxNameLength} letters, digits, '.', '_' and '-', "
                    + "the first a letter or digit, and not '.partial' at the end.",
                Parameter);
        }

        string target = OutputAt(name);
        if (StagedDirectory.IsBegun(target))
        {
            throw new MergeJobException(
                MergeJobFault.Conflict,
                $"An unfinished merge that is none of the server's stands at '{name}'; choose another name, or have it "
                    + "removed.",
                Parameter);
        }

        try
        {
            _outputs.NewDirectoryAt(target);
        }
        catch (EngineException error)
        {
            throw new MergeJobException(MergeJobFault.Conflict, error.Message, Parameter);
        }
    }

    /// <summary>A message without the places of folders: what lies in them is told as clients know it.</summary>
    public string Shown(string message)
    {
        foreach (string prefix in _prefixes)
        {
            message = message.Replace(prefix, "", StringComparison.Ordinal);
        }

        return AbsolutePath().Replace(message, "(a path)");
    }

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]*(?<!\.partial)\z", RegexOptions.CultureInvariant)]
    private static partial Regex OutputName();

    // At the start of a word, and with a name in it: "and/or" is none, nor is a lone slash.
    [GeneratedRegex(@"(?<![\w.)\]/\\-])(?:/|[A-Za-z]:\\)[\w.-][^\s'"",;:()]*", RegexOptions.CultureInvariant)]
    private static partial Regex AbsolutePath();
}
