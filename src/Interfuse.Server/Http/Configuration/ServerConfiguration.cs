using Interfuse.Merging.Recipes;
using Interfuse.Server.Engine;
using Interfuse.Server.Jobs;
using Microsoft.Extensions.Configuration;

namespace Interfuse.Server.Http.Configuration;

/// <summary>Reads what a server is configured by: a file, the environment over it, the command line over both.</summary>
public static class ServerConfiguration
{
    private const string Prefix = InterfuseOptions.Section + "__";

    // Beside the engine's own, its section has those of the other rooms.
    private static readonly Dictionary<string, Type?> Sections = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Http"] = typeof(HttpOptions),
        ["Merges"] = typeof(MergeJobOptions),
    };

    // A server that is asked while it loads can say so, and a port that is taken is known at once.
    private static readonly Dictionary<string, string?> Defaults = new()
    {
        [$"{InterfuseOptions.Section}:{nameof(InterfuseOptions.LoadInBackground)}"] = bool.TrueString,
    };

    /// <summary>Reads a configuration.</summary>
    /// <param name="file">A JSON file with the section <c>Interfuse</c>, and that of <c>Logging</c>; null for none.</param>
    /// <param name="settings">What the command line says: full names and values; of several of one name the last counts.</param>
    /// <param name="models">Models of the command line, beside those that the file and the environment name.</param>
    /// <exception cref="InterfuseException">The file can't be read, or there is a setting that is unknown.</exception>
    public static IConfiguration Read(
        string? file, IEnumerable<KeyValuePair<string, string?>> settings, IReadOnlyList<string> models)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(models);
        IConfigurationBuilder builder = new ConfigurationBuilder().AddInMemoryCollection(Defaults);
        if (file is not null)
        {
            builder.AddJsonFile(Path.GetFullPath(file), optional: false);
        }

        builder.AddInMemoryCollection(FromEnvironment());
        IConfigurationRoot below = Build(builder, file);
        int known = below.GetSection(ModelsKey).GetChildren().Count();
        var above = models.Select((path, i) => KeyValuePair.Create($"{ModelsKey}:{known + i}:Path", (string?)path));
        var last = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach ((string name, string? value) in above.Concat(settings))
        {
            last[name] = value;
        }

        IConfiguration all = builder.AddInMemoryCollection(last).Build();
        CheckNames(all);
        return all;
    }

    private static string ModelsKey => $"{InterfuseOptions.Section}:{nameof(InterfuseOptions.Models)}";

    private static IConfigurationRoot Build(IConfigurationBuilder builder, string? file)
    {
        try
        {
            return builder.Build();
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InterfuseException($"{file}: there is no such configuration file.");
        }
        catch (Exception error) when (error is InvalidDataException or FormatException)
        {
            throw new InterfuseException($"{file}: the configuration is no JSON: {(error.InnerException ?? error).Message}");
        }
    }

    // Nothing else of the environment counts.
    private static IEnumerable<KeyValuePair<string, string?>> FromEnvironment() => Environment.GetEnvironmentVariables()
        .Cast<System.Collections.DictionaryEntry>()
        .Where(variable => ((string)variable.Key).StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
        .Select(variable => KeyValuePair.Create(
            ((string)variable.Key).Replace("__", ConfigurationPath.KeyDelimiter, StringComparison.Ordinal),
            (string?)variable.Value));

    // A setting with a slip of the pen would be a default that nobody asked for.
    private static void CheckNames(IConfiguration configuration)
    {
        Check(configuration.GetChildren(), "", [InterfuseOptions.Section, "Logging"]);
        IConfigurationSection engine = configuration.GetSection(InterfuseOptions.Section);
        Check(engine.GetChildren(), $"{engine.Path}:", [.. NamesOf(typeof(InterfuseOptions)), .. Sections.Keys]);
        foreach ((string name, Type? type) in Sections)
        {
            if (type is not null)
            {
                Check(engine.GetSection(name).GetChildren(), $"{engine.Path}:{name}:", NamesOf(type));
            }
        }

        CheckItems(engine.GetSection(nameof(InterfuseOptions.Models)), typeof(ModelSource));
        CheckItems(engine.GetSection($"Http:{nameof(HttpOptions.Keys)}"), typeof(ApiKeyOptions));
    }

    private static void CheckItems(IConfigurationSection list, Type type)
    {
        foreach (IConfigurationSection item in list.GetChildren())
        {
            Check(item.GetChildren(), $"{item.Path}:", NamesOf(type));
        }
    }

    private static string[] NamesOf(Type type) =>
        [.. type.GetProperties().Where(property => property.GetMethod!.IsPublic).Select(property => property.Name)];

    private static void Check(IEnumerable<IConfigurationSection> settings, string prefix, string[] known)
    {
        foreach (IConfigurationSection setting in settings)
        {
            if (!known.Contains(setting.Key, StringComparer.OrdinalIgnoreCase))
            {
                string hint = Nearest.To(setting.Key, known) is { } near ? $", did you mean '{near}'?" : "";
                throw new InterfuseException($"The configuration has an unknown setting '{prefix}{setting.Key}'{hint}");
            }
        }
    }
}
