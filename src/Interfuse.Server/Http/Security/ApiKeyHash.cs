using System.Security.Cryptography;
using System.Text;

namespace Interfuse.Server.Http.Security;

/// <summary>What the configuration holds of a key.</summary>
/// <remarks>A plain hash is enough where keys are drawn at random, and too little for passwords that people think up.</remarks>
public static class ApiKeyHash
{
    /// <summary>The fewest characters of a key: what can't be guessed, of random digits.</summary>
    public const int MinLength = 20;

    /// <summary>The SHA-256 of a key's UTF-8, in lower-case hexadecimal.</summary>
    /// <param name="key">The key.</param>
    /// <exception cref="InterfuseException">It is too short, or has characters that no header carries.</exception>
    public static string Of(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key.Length < MinLength
            ? throw new InterfuseException(
                $"The key has {key.Length} characters; {MinLength} or more that nobody can guess are needed, for example those of "
                + "'openssl rand -hex 32'.")
            : key.All(letter => letter is > ' ' and < '\x7f')
                ? Convert.ToHexStringLower(Compute(key))
                : throw new InterfuseException("The key has spaces or characters outside ASCII, which a header can't carry.");
    }

    /// <summary>Whether a text is a hash as <see cref="Of"/> gives it.</summary>
    internal static bool IsOne(string text) =>
        text.Length == 2 * SHA256.HashSizeInBytes && text.All(char.IsAsciiHexDigitLower);

    internal static byte[] Compute(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
