using System.Text.Json;
using Interfuse.Server.Engine;
using Interfuse.Server.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Tests.Http;

/// <summary>What whoever runs the server sees of it.</summary>
public sealed class OperationTests
{
    [Test]
    public async Task Ready_is_who_has_loaded_and_is_not_about_to_end()
    {
        await using RunningServer server = await RunningServer.StartAsync();

        Assert.That((await server.GetAsync("/readyz")).Status, Is.EqualTo(200));
        server.Engine.IsReady = false;
        Assert.That((await server.GetAsync("/readyz")).Status, Is.EqualTo(503));
        Assert.That((await server.GetAsync("/healthz")).Status, Is.EqualTo(200));
    }

    [Test]
    public async Task Metrics_are_what_Prometheus_reads()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        await server.PostAsync("/v1/completions", """{"model":"base","prompt":"x"}""");

        Reply metrics = await server.GetAsync("/metrics");

        Assert.That(metrics.Headers["Content-Type"], Does.StartWith("text/plain"));
        Assert.That(metrics.Text, Does.Contain("http_server_request_duration_seconds_count").And.Contain("/v1/completions"));
        Assert.That(metrics.Text, Does.Contain("dotnet_process_memory_working_set"));
    }

    [Test]
    public async Task The_document_has_every_address_and_what_it_takes()
    {
        await using RunningServer server = await RunningServer.StartAsync();

        JsonElement document = (await server.GetAsync("/openapi/v1.json")).Json;

        JsonElement paths = document.GetProperty("paths");
        Assert.That(
            paths.EnumerateObject().Select(path => path.Name),
            Is.SupersetOf(new[]
            {
                "/v1/models", "/v1/models/{id}", "/v1/completions", "/v1/chat/completions", "/v1/admin/models",
                "/v1/admin/models/{name}", "/v1/admin/models/{name}/pin",
            }));
        JsonElement properties = document.GetProperty("components").GetProperty("schemas").GetProperty("ChatBody").GetProperty("properties");
        Assert.That(
            properties.EnumerateObject().Select(property => property.Name),
            Is.SupersetOf(new[] { "model", "messages", "max_completion_tokens", "stream_options", "interfuse" }));
        Assert.That(
            properties.GetProperty("max_completion_tokens").GetProperty("type").EnumerateArray().Select(kind => kind.GetString()),
            Is.EquivalentTo(new[] { "null", "integer" }));
        Assert.That(
            paths.GetProperty("/v1/chat/completions").GetProperty("post").GetProperty("responses").EnumerateObject().Select(each => each.Name),
            Is.SupersetOf(new[] { "200", "400", "401", "404", "429", "503" }));
    }

    [Test]
    public async Task Traces_that_nobody_takes_hold_up_nothing()
    {
        await using RunningServer server = await RunningServer.StartAsync(("Http:OtlpEndpoint", "http://127.0.0.1:9"));

        Assert.That((await server.PostAsync("/v1/completions", """{"model":"base","prompt":"x"}""")).Status, Is.EqualTo(200));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task The_log_has_who_and_what_and_texts_only_if_that_is_asked_for(bool logsPrompts)
    {
        var log = new Lines();
        var engine = new ScriptedEngine();
        await using WebApplication app = InterfuseServer.Build(
            RunningServer.Configuration(("Http:LogPrompts", logsPrompts.ToString())),
            services => services.AddSingleton<IExpertEngine>(engine).AddSingleton<IModelRegistry>(engine)
                .AddSingleton<ILoggerProvider>(log));
        await InterfuseServer.StartAsync(app);
        using var client = new HttpClient { BaseAddress = new Uri(InterfuseServer.AddressOf(app)) };
        using var body = new StringContent(
            """{"model":"auto","prompt":"what nobody else should read"}""", System.Text.Encoding.UTF8, "application/json");

        using HttpResponseMessage response = await client.PostAsync("/v1/completions", body);

        string id = response.Headers.GetValues("x-request-id").Single();
        Assert.That(SpinWait.SpinUntil(() => log.All.Any(line => line.Contains(id) && line.Contains("tokens")), 60_000), Is.True);
        string lines = log.Text;
        Assert.That(lines, Does.Contain("tiny/auto answered by sort, 5 + 4 tokens").And.Contain("/v1/completions").And.Contain("200"));
        Assert.That(lines.Contains("what nobody else should read"), Is.EqualTo(logsPrompts));
        Assert.That(lines.Contains("wörld"), Is.EqualTo(logsPrompts));
    }

    [Test]
    public async Task The_host_waits_a_little_longer_than_answers_may_take_to_end()
    {
        await using WebApplication app = InterfuseServer.Build(
            RunningServer.Configuration(), services => services.AddInterfuse(options => options.DrainTime = TimeSpan.FromSeconds(7)));

        Assert.That(
            app.Services.GetRequiredService<IOptions<HostOptions>>().Value.ShutdownTimeout, Is.EqualTo(TimeSpan.FromSeconds(12)));
    }

    private sealed class Lines : ILoggerProvider, ILogger
    {
        private readonly List<string> _lines = [];

        public string Text => string.Join('\n', All);

        public string[] All
        {
            get
            {
                lock (_lines)
                {
                    return [.. _lines];
                }
            }
        }

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (_lines)
            {
                _lines.Add(formatter(state, exception));
            }
        }

        public void Dispose()
        {
        }
    }
}
