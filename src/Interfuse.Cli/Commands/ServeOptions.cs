using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Interfuse.Server.Engine;
using Interfuse.Server.Http.Configuration;

namespace Interfuse.Cli.Commands;

/// <summary>The options of <c>interfuse serve</c>, each a setting of the server's configuration.</summary>
internal static class ServeOptions
{
    public static readonly Option<string?> Config = new("--config")
    {
        Description = "A JSON file of settings. Variables INTERFUSE__NAME of the environment stand above it, options above both.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> Host = new("--host")
    {
        Description = "The address to listen at: an address of this machine, 'localhost', or '*' for all. [default: 127.0.0.1]",
        HelpName = "ADDRESS",
    };

    private static readonly Option<ulong?> Port = new("--port")
    {
        Description = "The port to listen at; 0 for any that is free. [default: 8080]",
        HelpName = "N",
        CustomParser = result => Usage.ParseNumber(result, 0, ushort.MaxValue),
    };

    private static readonly Option<string[]> KeyHashes = new("--api-key-hash")
    {
        Description = "The hash of a key that whoever asks needs, as 'interfuse hash-key' prints it; may be given several times.",
        HelpName = "HASH",
    };

    private static readonly Option<string[]> AdminKeyHashes = new("--admin-key-hash")
    {
        Description = "The hash of a key that also loads and unloads models, and merges; may be given several times.",
        HelpName = "HASH",
    };

    private static readonly Option<bool> Insecure = new("--insecure")
    {
        Description = "Let other machines ask without a key.",
    };

    private static readonly Option<string[]> Set = new("--set")
    {
        Description = "Any other setting, for example MaxQueue=64 or Http:MaxBodyBytes=1000000; may be given several times.",
        HelpName = "NAME=VALUE",
        CustomParser = ParseSettings,
    };

    /// <summary>All of them, in the order of the help.</summary>
    public static IReadOnlyList<Option> All { get; } =
    [
        Host, Port, CommonOptions.DeviceName, CommonOptions.Threads, Config, KeyHashes, AdminKeyHashes, Insecure, Set,
    ];

    /// <summary>What is given, as settings.</summary>
    public static IEnumerable<KeyValuePair<string, string?>> Settings(ParseResult parsed)
    {
        foreach (string setting in parsed.GetValue(Set) ?? [])
        {
            int sign = setting.IndexOf('=');
            yield return KeyValuePair.Create($"{InterfuseOptions.Section}:{setting[..sign]}", (string?)setting[(sign + 1)..]);
        }

        (string Name, string? Value)[] settings =
        [
            (Http(nameof(HttpOptions.Host)), parsed.GetValue(Host)),
            (Http(nameof(HttpOptions.Port)), parsed.GetValue(Port)?.ToString(CultureInfo.InvariantCulture)),
            (Http(nameof(HttpOptions.Insecure)), parsed.GetValue(Insecure) ? bool.TrueString : null),
            (Engine(nameof(InterfuseOptions.Device)), parsed.GetValue(CommonOptions.DeviceName)),
            (Engine(nameof(InterfuseOptions.Threads)), parsed.GetValue(CommonOptions.Threads)?.ToString(CultureInfo.InvariantCulture)),
        ];
        foreach ((string name, string? value) in settings.Where(setting => setting.Value is not null))
        {
            yield return KeyValuePair.Create(name, value);
        }

        foreach (KeyValuePair<string, string?> setting in
            Keys("key", isAdmin: false, parsed.GetValue(KeyHashes)).Concat(Keys("admin", isAdmin: true, parsed.GetValue(AdminKeyHashes))))
        {
            yield return setting;
        }
    }

    // Under names of their own, so that keys of the file are not replaced.
    private static IEnumerable<KeyValuePair<string, string?>> Keys(string name, bool isAdmin, string[]? hashes) =>
        (hashes ?? []).SelectMany((hash, i) => new (string Property, string Value)[]
        {
            (nameof(ApiKeyOptions.Name), $"{name}-{i + 1}"),
            (nameof(ApiKeyOptions.Sha256), hash),
            (nameof(ApiKeyOptions.Admin), isAdmin.ToString()),
        }.Select(each => KeyValuePair.Create(
            $"{Http(nameof(HttpOptions.Keys))}:{name}-{i + 1}:{each.Property}", (string?)each.Value)));

    private static string Http(string name) => $"{HttpOptions.Section}:{name}";

    private static string Engine(string name) => $"{InterfuseOptions.Section}:{name}";

    private static string[]? ParseSettings(ArgumentResult result)
    {
        string[] settings = [.. result.Tokens.Select(token => token.Value)];
        if (Array.Find(settings, setting => setting.IndexOf('=') < 1) is { } unsound)
        {
            result.AddError($"--set: '{unsound}' is no NAME=VALUE");
            return null;
        }

        return settings;
    }
}
