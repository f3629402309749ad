using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Interfuse.Server.Engine;
using Interfuse.Server.Http;
using Interfuse.Server.Http.Configuration;
using Interfuse.Server.Http.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Interfuse.Server.Tests.Http;

/// <summary>A server at a free port of this machine, over a scripted engine or the real one.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    public const string Key = "sk-test-0123456789abcdef-client";
    public const string AdminKey = "sk-test-0123456789abcdef-admin";

    private readonly ScriptedEngine? _engine;

    private RunningServer(WebApplication app, ScriptedEngine? engine)
    {
        App = app;
        _engine = engine;
        Client = new HttpClient { BaseAddress = new Uri(InterfuseServer.AddressOf(app)) };
    }

    public WebApplication App { get; }

    /// <summary>The scripted engine.</summary>
    public ScriptedEngine Engine => _engine ?? throw new InvalidOperationException("The engine is the real one.");

    public HttpClient Client { get; }

    /// <summary>The settings of a server with a key for clients and one for administration.</summary>
    public static (string, string)[] Keys =>
    [
        ("Http:Keys:0:Name", "clients"), ("Http:Keys:0:Sha256", ApiKeyHash.Of(Key)),
        ("Http:Keys:1:Name", "operators"), ("Http:Keys:1:Sha256", ApiKeyHash.Of(AdminKey)), ("Http:Keys:1:Admin", "true"),
    ];

    public static async Task<RunningServer> StartAsync(params (string Name, string Value)[] settings)
    {
        var engine = new ScriptedEngine();
        WebApplication app = InterfuseServer.Build(
            Configuration(settings),
            services => services.AddSingleton<IExpertEngine>(engine).AddSingleton<IModelRegistry>(engine));
        await InterfuseServer.StartAsync(app);
        return new RunningServer(app, engine);
    }

    /// <summary>Starts a server over the real engine, and waits for its models.</summary>
    public static async Task<RunningServer> StartEngineAsync(params (string Name, string Value)[] settings)
    {
        WebApplication app = InterfuseServer.Build(
            Configuration([.. settings, ("LoadInBackground", "false")]), services => services.AddInterfuse());
        await InterfuseServer.StartAsync(app);
        return new RunningServer(app, engine: null);
    }

    public static IConfiguration Configuration(params (string Name, string Value)[] settings) => ServerConfiguration.Read(
        file: null,
        [
            KeyValuePair.Create("Interfuse:Http:Port", (string?)"0"),
            KeyValuePair.Create("Logging:Console:LogLevel:Default", (string?)"None"),
            .. settings.Select(setting => KeyValuePair.Create($"Interfuse:{setting.Name}", (string?)setting.Value)),
        ],
        models: []);

    public Task<Reply> GetAsync(string path, string? key = null) => SendAsync(new(HttpMethod.Get, path), key);

    public Task<Reply> PostAsync(string path, string json, string? key = null) => SendAsync(
        new(HttpMethod.Post, path) { Content = new StringContent(json, Encoding.UTF8, "application/json") }, key);

    public async Task<Reply> SendAsync(HttpRequestMessage request, string? key = null)
    {
        if (key is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }

        using HttpResponseMessage response = await Client.SendAsync(request);
        return new Reply(
            response.StatusCode,
            await response.Content.ReadAsStringAsync(),
            response.Headers.Concat(response.Content.Headers).ToDictionary(
                header => header.Key, header => string.Join(',', header.Value), StringComparer.OrdinalIgnoreCase));
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await App.DisposeAsync();
    }
}

/// <summary>What a server answered.</summary>
internal sealed record Reply(HttpStatusCode Code, string Text, IReadOnlyDictionary<string, string> Headers)
{
    public int Status => (int)Code;

    public JsonElement Json => JsonDocument.Parse(Text).RootElement;

    public JsonElement Error => Json.GetProperty("error");

    /// <summary>What server-sent events hold, in order.</summary>
    public string[] Events =>
    [
        .. Text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(part =>
        {
            Assert.That(part, Does.StartWith("data: ").And.Not.Contain("\n"));
            return part["data: ".Length..];
        }),
    ];

    /// <summary>Fails unless this is an error of the shape that OpenAI's clients expect.</summary>
    public void AssertError(int status, string? code = null, string? parameter = null)
    {
        Assert.That(Status, Is.EqualTo(status), Text);
        Assert.That(Headers["Content-Type"], Does.StartWith("application/json"));
        Assert.That(Json.EnumerateObject().Select(property => property.Name), Is.EqualTo(new[] { "error" }));
        Assert.That(
            Error.EnumerateObject().Select(property => property.Name), Is.EqualTo(new[] { "message", "type", "param", "code" }));
        Assert.That(Error.GetProperty("message").GetString(), Is.Not.Empty);
        Assert.That(Error.GetProperty("type").GetString(), Is.Not.Empty);
        Assert.That(Error.GetProperty("param").GetString(), Is.EqualTo(parameter), Text);
        if (code is not null)
        {
            Assert.That(Error.GetProperty("code").GetString(), Is.EqualTo(code));
        }

        Assert.That(Text, Does.Not.Contain("Exception").And.Not.Contain("   at ").And.Not.Contain("/secret"));
    }
}
