using System.Security.Cryptography;
using Interfuse.Server.Http.Configuration;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Http.Security;

/// <summary>The keys that are configured.</summary>
internal sealed class ApiKeys(IOptions<HttpOptions> options)
{
    private readonly (byte[] Hash, ApiKeyOptions Key)[] _keys =
        [.. options.Value.Keys.Select(key => (Convert.FromHexString(key.Sha256), key))];

    /// <summary>Whether there is none, so that none is asked for.</summary>
    public bool IsEmpty => _keys.Length == 0;

    /// <summary>The key that somebody presents, or null. Takes as long whichever it is.</summary>
    public ApiKeyOptions? Find(string presented)
    {
        byte[] hash = ApiKeyHash.Compute(presented);
        ApiKeyOptions? found = null;
        foreach ((byte[] known, ApiKeyOptions key) in _keys)
        {
            found = CryptographicOperations.FixedTimeEquals(hash, known) ? key : found;
        }

        return found;
    }
}
