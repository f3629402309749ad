using System.Net;
using System.Net.Sockets;
using Interfuse.Server.Engine;
using Interfuse.Server.Http;
using Interfuse.Server.Http.Configuration;
using Interfuse.Server.Http.Security;
using Interfuse.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Tests.Http;

/// <summary>A server is configured by file, environment and command line, and does not start where that is unsound.</summary>
[NonParallelizable]
public sealed class ConfigurationTests
{
    private const string Variable = "INTERFUSE__HTTP__PORT";

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void Clear()
    {
        Environment.SetEnvironmentVariable(Variable, null);
        _folder.Dispose();
    }

    [Test]
    public void The_command_line_stands_above_the_environment_and_that_above_the_file()
    {
        string file = _folder.Write("server.json", """{"Interfuse":{"Http":{"Port":1,"Host":"127.0.0.2"}}}""");

        Assert.That(Port(file), Is.EqualTo("1"));
        Environment.SetEnvironmentVariable(Variable, "2");
        Assert.That(Port(file), Is.EqualTo("2"));
        Assert.That(Port(file, KeyValuePair.Create("Interfuse:Http:Port", (string?)"3")), Is.EqualTo("3"));
        Assert.That(ServerConfiguration.Read(file, [], [])["Interfuse:Http:Host"], Is.EqualTo("127.0.0.2"));
    }

    [Test]
    public void Models_of_the_command_line_come_after_those_of_the_file()
    {
        string file = _folder.Write("server.json", """{"Interfuse":{"Models":[{"Path":"a","Name":"x"},{"Path":"b"}]}}""");

        InterfuseOptions options = ServerConfiguration.Read(file, [], ["c", "d"]).GetSection("Interfuse").Get<InterfuseOptions>()!;

        Assert.That(options.Models.Select(model => model.Path), Is.EqualTo(new[] { "a", "b", "c", "d" }));
        Assert.That(options.Models[0].Name, Is.EqualTo("x"));
    }

    [TestCase("""{"Interfuse":{"Http":{"Prot":1}}}""", "'Interfuse:Http:Prot', did you mean 'Port'?")]
    [TestCase("""{"Interfuse":{"MaxQeue":1}}""", "'Interfuse:MaxQeue', did you mean 'MaxQueue'?")]
    [TestCase("""{"Interfuse":{"Models":[{"Pfad":"x"}]}}""", "'Interfuse:Models:0:Pfad'")]
    [TestCase("""{"Interfuse":{"Http":{"Keys":[{"Key":"x"}]}}}""", "'Interfuse:Http:Keys:0:Key'")]
    [TestCase("""{"Http":{"Port":1}}""", "'Http'")]
    [TestCase("""{"Interfuse":{""", "no JSON")]
    [TestCase("nonsense", "no JSON")]
    public void A_file_with_a_slip_of_the_pen_is_refused(string json, string expected)
    {
        string file = _folder.Write("server.json", json);

        Assert.That(
            () => ServerConfiguration.Read(file, [], []), Throws.TypeOf<InterfuseException>().With.Message.Contains(expected));
    }

    [Test]
    public void A_file_that_is_not_there_is_refused()
    {
        Assert.That(
            () => ServerConfiguration.Read(_folder["absent.json"], [], []),
            Throws.TypeOf<InterfuseException>().With.Message.Contains("absent.json: there is no such configuration file"));
    }

    [TestCase("Http:Port", "70000")]
    [TestCase("Http:Port", "web")]
    [TestCase("Http:Host", "example.org")]
    [TestCase("Http:Host", "0.0.0.0")]
    [TestCase("Http:Host", "*")]
    [TestCase("Http:Host", "192.0.2.7")]
    [TestCase("Http:MaxBodyBytes", "0")]
    [TestCase("Http:MaxRequestsPerKey", "0")]
    [TestCase("Http:MaxConnections", "-1")]
    [TestCase("Http:Insecure", "perhaps")]
    [TestCase("Http:OtlpEndpoint", "somewhere")]
    [TestCase("Http:Keys:0:Sha256", "sk-a-key-by-mistake")]
    [TestCase("MaxBatch", "0")]
    [TestCase("MaxBatch", "many")]
    [TestCase("Device", "abacus")]
    [TestCase("DrainTime", "soon")]
    public void A_setting_that_is_unsound_keeps_the_server_from_starting_and_is_named(string setting, string value)
    {
        var error = Assert.ThrowsAsync<InterfuseException>(() => StartAsync((setting, value)));

        Assert.That(error.Message, Does.Contain($"Interfuse:{setting}"));
        Assert.That(error.Message, Does.Not.Contain("sk-a-key"));
    }

    [Test]
    public void Keys_have_names_and_hashes_of_their_own()
    {
        string hash = ApiKeyHash.Of(RunningServer.Key);

        var error = Assert.ThrowsAsync<InterfuseException>(() => StartAsync(
            ("Http:Keys:0:Name", "a"), ("Http:Keys:0:Sha256", hash), ("Http:Keys:1:Name", "a"), ("Http:Keys:1:Sha256", hash)));

        Assert.That(error.Message, Does.Contain("Keys:1:Name: 'a' is the name of another key").And.Contain("Keys:1:Sha256"));
    }

    [Test]
    public void Other_machines_are_let_in_by_a_key_or_by_saying_so()
    {
        Assert.DoesNotThrow(() => Options(("Http:Host", "0.0.0.0"), ("Http:Insecure", "true")));
        Assert.DoesNotThrow(() => Options([("Http:Host", "*"), .. RunningServer.Keys]));
        Assert.DoesNotThrow(() => Options(("Http:Host", "::1")));
        Assert.DoesNotThrow(() => Options(("Http:Host", "localhost")));
        Assert.That(
            () => Options(("Http:Host", "0.0.0.0")), Throws.TypeOf<InterfuseException>().With.Message.Contains("--insecure"));
    }

    [Test]
    public void A_folder_for_models_that_is_not_there_is_named_at_the_start()
    {
        var error = Assert.ThrowsAsync<InterfuseException>(
            () => StartAsync(("Http:ModelRoots:0", _folder["absent"])));

        Assert.That(error.Message, Does.Contain(_folder["absent"]));
    }

    [Test]
    public void A_port_that_is_taken_is_named_at_the_start()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        int port = ((IPEndPoint)other.LocalEndpoint).Port;

        var error = Assert.ThrowsAsync<IOException>(
            () => StartAsync(("Http:Port", $"{port}")));

        Assert.That(error.Message, Does.Contain($"127.0.0.1:{port}").And.Contain("in use"));
    }

    [Test]
    public void The_document_names_every_setting_and_its_example_is_one_that_can_be_read()
    {
        string document = File.ReadAllText(Repository.PathOf("docs", "serving.md"));
        IEnumerable<string> settings = new[] { typeof(InterfuseOptions), typeof(HttpOptions), typeof(ApiKeyOptions), typeof(ModelSource) }
            .SelectMany(type => type.GetProperties())
            .Select(property => property.Name)
            .Except([nameof(InterfuseOptions.LoadInBackground)]);
        string example = document.Split("```json").Single(part => part.Contains("\"Interfuse\": {")).Split("```")[0];

        Assert.Multiple(() =>
        {
            foreach (string setting in settings)
            {
                Assert.That(document, Does.Match($"[`\"]{setting}[`\"]"));
            }

            HttpOptions http = ServerConfiguration.Read(_folder.Write("example.json", example), [], [])
                .GetSection(HttpOptions.Section).Get<HttpOptions>()!;
            Assert.That(http.Keys.Select(key => key.Name), Is.EqualTo(new[] { "app", "ops" }));
            Assert.That(http.ModelRoots, Has.Count.EqualTo(1));
        });
    }

    private static string? Port(string file, params KeyValuePair<string, string?>[] settings) =>
        ServerConfiguration.Read(file, settings, [])["Interfuse:Http:Port"];

    private static async Task StartAsync(params (string Name, string Value)[] settings)
    {
        await using WebApplication app = InterfuseServer.Build(
            RunningServer.Configuration(settings), services => services.AddInterfuse());
        await InterfuseServer.StartAsync(app);
    }

    private static HttpOptions Options(params (string Name, string Value)[] settings)
    {
        using WebApplication app = InterfuseServer.Build(
            RunningServer.Configuration(settings), services => services.AddInterfuse());
        return app.Services.GetRequiredService<IOptions<HttpOptions>>().Value;
    }
}
