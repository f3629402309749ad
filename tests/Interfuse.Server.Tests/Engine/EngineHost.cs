using Interfuse.Server.Engine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Interfuse.Server.Tests.Engine;

/// <summary>A host with the engine, as one who embeds it makes it.</summary>
internal sealed class EngineHost : IAsyncDisposable
{
    private readonly IHost _host;

    private EngineHost(IHost host)
    {
        _host = host;
    }

    public IExpertEngine Engine => _host.Services.GetRequiredService<IExpertEngine>();

    public IModelRegistry Models => _host.Services.GetRequiredService<IModelRegistry>();

    public IServiceProvider Services => _host.Services;

    public IHost Host => _host;

    /// <summary>Starts a host that serves the pack of the tiny experts, unless other models are given.</summary>
    public static async Task<EngineHost> StartAsync(Action<InterfuseOptions>? configure = null)
    {
        var host = new EngineHost(Build(configure));
        try
        {
            await host._host.StartAsync();
            return host;
        }
        catch
        {
            await ((IAsyncDisposable)host._host).DisposeAsync();
            throw;
        }
    }

    public static IHost Build(Action<InterfuseOptions>? configure = null)
    {
        HostApplicationBuilder builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new());
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Services.AddInterfuse(options =>
        {
            options.Threads = 2;
            configure?.Invoke(options);
            if (options.Models.Count == 0)
            {
                options.Models.Add(new ModelSource { Path = TinyPack.Path });
            }
        });
        return builder.Build();
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        await ((IAsyncDisposable)_host).DisposeAsync();
    }
}

/// <summary>A whole answer.</summary>
internal sealed record WholeAnswer(string Text, AnsweredBy By, AnswerEnd End, IReadOnlyList<AnswerPiece> Pieces);

/// <summary>Asks for whole answers.</summary>
internal static class WholeAnswers
{
    public static async Task<WholeAnswer> AskAsync(
        this IExpertEngine engine, EngineRequest request, CancellationToken cancellation = default)
    {
        var pieces = new List<AnswerPiece>();
        await foreach (AnswerPiece piece in engine.GenerateAsync(request, cancellation))
        {
            pieces.Add(piece);
        }

        Assert.That(pieces.Count(piece => piece.By is not null), Is.EqualTo(1));
        Assert.That(pieces.Count(piece => piece.End is not null), Is.EqualTo(1));
        return new WholeAnswer(string.Concat(pieces.Select(piece => piece.Text)), pieces[0].By!, pieces[^1].End!, pieces);
    }

    public static EngineRequest Request(string model, string prompt, int maxTokens = 24) =>
        new(model, EnginePrompt.Of(prompt)) { MaxTokens = maxTokens };
}
