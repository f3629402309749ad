using System.Net;

namespace Interfuse.Server.Http.Configuration;

/// <summary>Where the server listens, whom it answers and within which bounds.</summary>
public sealed class HttpOptions
{
    /// <summary>The section of the configuration that these stand in.</summary>
    public const string Section = "Interfuse:Http";

    /// <summary>The address to listen at: <c>localhost</c>, an address of this machine, or <c>*</c> for all of them.</summary>
    public string Host { get; set; } = "127.0.0.1";

    /// <summary>The port, 0 to 65535; 0 for any that is free.</summary>
    public int Port { get; set; } = 8080;

    /// <summary>Whether other machines may ask without a key.</summary>
    public bool Insecure { get; set; }

    /// <summary>The keys. Once there is one, whoever asks needs one.</summary>
    public IList<ApiKeyOptions> Keys { get; } = [];

    /// <summary>The most answers at once of a key that has no bound of its own, 1 or more; without keys, of all clients
    /// together.</summary>
    public int MaxRequestsPerKey { get; set; } = 512;

    /// <summary>The most bytes of a request's body, 1 or more.</summary>
    public long MaxBodyBytes { get; set; } = 4L << 20;

    /// <summary>The most connections at once, 1 or more.</summary>
    public int MaxConnections { get; set; } = 4096;

    /// <summary>The folders that models may be loaded from by way of the server; none for no such loading.</summary>
    public IList<string> ModelRoots { get; } = [];

    /// <summary>The names that a server without keys may be called by, against web pages that call this machine by a name of
    /// theirs; none for <c>localhost</c> and its addresses, <c>*</c> for any.</summary>
    public IList<string> AllowedHosts { get; } = [];

    /// <summary>Whether prompts and answers are logged. They are other people's: off by default.</summary>
    public bool LogPrompts { get; set; }

    /// <summary>Whether a line of the log is a JSON document.</summary>
    public bool JsonLog { get; set; }

    /// <summary>Where traces are sent by the OpenTelemetry protocol; null for nowhere.</summary>
    public Uri? OtlpEndpoint { get; set; }

    /// <summary>The addresses that <see cref="Host"/> stands for, or null where it stands for none.</summary>
    internal IPAddress? Address => Host switch
    {
        "localhost" => IPAddress.Loopback,
        "*" => IPAddress.IPv6Any,
        _ => IPAddress.TryParse(Host, out IPAddress? address) ? address : null,
    };

    /// <summary>Whether only this machine can ask.</summary>
    internal bool IsLocal => Address is { } address && IPAddress.IsLoopback(address);
}

/// <summary>A key that opens the server.</summary>
public sealed class ApiKeyOptions
{
    /// <summary>Who has it; it appears in logs.</summary>
    public string Name { get; set; } = "";

    /// <summary>The SHA-256 of the key's UTF-8, in lower-case hexadecimal; <c>interfuse hash-key</c> makes it.</summary>
    public string Sha256 { get; set; } = "";

    /// <summary>Whether it also opens <c>/v1/admin</c> and <c>/v1/merges</c>.</summary>
    public bool Admin { get; set; }

    /// <summary>The most answers at once, 1 or more; null for <see cref="HttpOptions.MaxRequestsPerKey"/>.</summary>
    public int? MaxRequests { get; set; }
}
