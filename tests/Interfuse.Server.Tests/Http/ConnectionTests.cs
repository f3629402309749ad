using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Interfuse.Server.Tests.Http;

/// <summary>What becomes of a connection after an answer.</summary>
public sealed class ConnectionTests
{
    [Test]
    public async Task A_connection_takes_one_request_after_another_whatever_the_answer()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        int connections = 0;
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (context, cancellation) =>
            {
                connections++;
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(context.DnsEndPoint, cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        using var client = new HttpClient(handler) { BaseAddress = server.Client.BaseAddress };
        for (int i = 0; i < 6; i++)
        {
            var body = new JsonObject { ["model"] = i % 2 == 0 ? "no such model" : null, ["prompt"] = "x" };
            using HttpResponseMessage answer = await client.PostAsJsonAsync("/v1/completions", body);
            await answer.Content.ReadAsByteArrayAsync();

            // The server may only now find that something is wrong with the connection.
            await Task.Delay(20);
        }

        Assert.That(connections, Is.EqualTo(1));
    }
}
