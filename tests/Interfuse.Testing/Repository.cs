namespace Interfuse.Testing;

/// <summary>The folder of the clone that the tests were built in.</summary>
public static class Repository
{
    public static string Root { get; } = Find();

    /// <summary>The full path of something in the repository.</summary>
    public static string PathOf(params string[] names) => Path.Combine([Root, .. names]);

    private static string Find()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Engine.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new DirectoryNotFoundException($"no Engine.sln above {AppContext.BaseDirectory}");
    }
}
