using Interfuse.Server.Http.Security;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Http.Configuration;

/// <summary>Names every setting that is wrong.</summary>
internal sealed class HttpOptionsValidator : IValidateOptions<HttpOptions>
{
    public ValidateOptionsResult Validate(string? name, HttpOptions options)
    {
        List<string> faults = [.. Faults(options)];
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }

    private static IEnumerable<string> Faults(HttpOptions options)
    {
        if (options.Address is null)
        {
            yield return Say(nameof(options.Host), $"'{options.Host}' is neither an address, 'localhost' nor '*'");
        }
        else if (!options.IsLocal && options.Keys.Count == 0 && !options.Insecure)
        {
            yield return Say(
                nameof(options.Host),
                $"at '{options.Host}' other machines can ask, and there is no key; configure one in {HttpOptions.Section}:Keys, "
                + "or allow everybody by --insecure");
        }

        if (options.Port is < 0 or > ushort.MaxValue)
        {
            yield return Say(nameof(options.Port), $"{options.Port} is no port; 0 to {ushort.MaxValue} is needed");
        }

        (string Name, long Value)[] counts =
        [
            (nameof(options.MaxRequestsPerKey), options.MaxRequestsPerKey), (nameof(options.MaxBodyBytes), options.MaxBodyBytes),
            (nameof(options.MaxConnections), options.MaxConnections),
        ];
        foreach ((string setting, long value) in counts.Where(count => count.Value < 1))
        {
            yield return Say(setting, $"{value} is too few; 1 or more is needed");
        }

        if (options.OtlpEndpoint is { IsAbsoluteUri: false })
        {
            yield return Say(nameof(options.OtlpEndpoint), "a full address is needed, for example http://localhost:4317");
        }

        foreach (string fault in KeyFaults(options.Keys))
        {
            yield return fault;
        }
    }

    private static IEnumerable<string> KeyFaults(IList<ApiKeyOptions> keys)
    {
        for (int i = 0; i < keys.Count; i++)
        {
            ApiKeyOptions key = keys[i];
            string setting = $"{nameof(HttpOptions.Keys)}:{i}";
            if (string.IsNullOrWhiteSpace(key.Name) || key.Name.Any(char.IsControl))
            {
                yield return Say($"{setting}:{nameof(key.Name)}", "a name is needed, of whoever has the key");
            }
            else if (keys.Take(i).Any(other => other.Name == key.Name))
            {
                yield return Say($"{setting}:{nameof(key.Name)}", $"'{key.Name}' is the name of another key");
            }

            // The value may be a key by mistake, so it is not quoted.
            if (!ApiKeyHash.IsOne(key.Sha256))
            {
                yield return Say(
                    $"{setting}:{nameof(key.Sha256)}",
                    "64 lower-case hexadecimal digits are needed: the key's SHA-256, as 'interfuse hash-key' prints it");
            }
            else if (keys.Take(i).Any(other => other.Sha256 == key.Sha256))
            {
                yield return Say($"{setting}:{nameof(key.Sha256)}", "another key has the same hash; give everybody their own");
            }

            if (key.MaxRequests < 1)
            {
                yield return Say($"{setting}:{nameof(key.MaxRequests)}", $"{key.MaxRequests} is too few; 1 or more is needed");
            }
        }
    }

    private static string Say(string setting, string fault) => $"{HttpOptions.Section}:{setting}: {fault}";
}
