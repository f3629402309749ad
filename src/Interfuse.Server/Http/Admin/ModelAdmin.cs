using Interfuse.Server.Engine;
using Interfuse.Server.Http.Configuration;
using Interfuse.Server.Http.Errors;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Http.Admin;

/// <summary>What <c>/v1/admin/models</c> does.</summary>
internal sealed partial class ModelAdmin(IModelRegistry registry, IOptions<HttpOptions> options, ILogger<ModelAdmin> logger)
{
    private readonly AllowedFolders _folders = new(options.Value.ModelRoots);

    public ModelReports List() => new("list", [.. registry.Models.Select(Report)]);

    public async Task<ModelReport> LoadAsync(LoadBody body, CancellationToken cancellation)
    {
        string asked = body.Path ?? throw ApiException.Of("'path' is needed: the model's folder.", "path");
        string path = _folders.DirectoryAt(asked);
        try
        {
            var source = new ModelSource { Path = path, Name = body.Name, IsPinned = body.Pinned == true };
            return Report(await registry.LoadAsync(source, cancellation));
        }
        catch (Exception error) when (
            error is (InterfuseException and not EngineException) or IOException or UnauthorizedAccessException)
        {
            LogNotLoaded(path, error);
            throw new ApiException(ApiError.OfRequest(Told(error.Message, path), "path", "model_not_loaded"));
        }
    }

    public async Task<UnloadedModel> UnloadAsync(string name, CancellationToken cancellation)
    {
        await registry.UnloadAsync(name, cancellation);
        return new UnloadedModel(name, "model", Deleted: true);
    }

    public ModelReport Pin(string name, bool isPinned) => Report(registry.Pin(name, isPinned));

    // Messages name files: clients are told of those in the path that they gave, and of none elsewhere.
    private string Told(string message, string path)
    {
        string told = message.Replace(path, _folders.Shown(path) ?? "the model", StringComparison.Ordinal);
        return _folders.Roots.Any(root => told.Contains(root, StringComparison.Ordinal))
            ? "The model can't be loaded; the server's log tells why."
            : told;
    }

    private ModelReport Report(ServedModel model) => new(
        model.Name,
        "model",
        _folders.Shown(model.Path),
        model.Identity,
        model.Experts,
        model.HasRouter,
        model.HasChat,
        model.ContextLength,
        model.Bytes,
        model.LoadedAt,
        model.IsPinned);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Path} can't be loaded")]
    private partial void LogNotLoaded(string path, Exception error);
}
