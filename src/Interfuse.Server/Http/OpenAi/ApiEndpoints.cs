using Interfuse.Server.Engine;
using Interfuse.Server.Http.Errors;
using Interfuse.Server.Http.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Interfuse.Server.Http.OpenAi;

/// <summary>The addresses that OpenAI's clients know.</summary>
internal static class ApiEndpoints
{
    private const string JsonType = "application/json";
    private const string EventType = "text/event-stream";

    public static void MapOpenAi(this IEndpointRouteBuilder routes)
    {
        RouteGroupBuilder api = routes.MapGroup("/v1").RequireAuthorization(ServerPolicies.Client).WithTags("OpenAI");
        api.MapGet("/models", (IExpertEngine engine) => Json(new ModelList("list", [.. engine.Names.Select(Entry)])))
            .WithSummary("Lists what a request may name: plain models, experts, and 'auto' and 'shared' of packs.")
            .Produces<ModelList>();
        api.MapGet("/models/{**id}", (string id, IExpertEngine engine) => Results.Json(
                Entry(engine.Find(Unescape(id))), ApiJson.Plain.ModelEntry))
            .WithSummary("Tells what a name stands for.")
            .Produces<ModelEntry>().Produces<ErrorBody>(404);
        Answers(api.MapPost("/completions", (HttpContext context, AnswerService service) => service.CompleteAsync(context)))
            .WithSummary("Continues a text.")
            .Accepts<CompletionBody>(JsonType).Produces<Completion>(200, JsonType, EventType);
        Answers(api.MapPost("/chat/completions", (HttpContext context, AnswerService service) => service.ChatAsync(context)))
            .WithSummary("Continues a conversation.")
            .Accepts<ChatBody>(JsonType).Produces<ChatCompletion>(200, JsonType, EventType);
    }

    private static RouteHandlerBuilder Answers(RouteHandlerBuilder route)
    {
        foreach (int status in new[] { 400, 401, 404, 413, 415, 429, 500, 503, 504 })
        {
            route.Produces<ErrorBody>(status);
        }

        return route.RequireRateLimiting(ServerPolicies.Answers);
    }

    private static ModelEntry Entry(ExpertName name) => new(
        name.Id,
        "model",
        name.Model.LoadedAt.ToUnixTimeSeconds(),
        "interfuse",
        new ModelFacts(RouteWords.Of(name.Kind), name.Model.Name, name.Model.Identity, name.Model.ContextLength));

    private static IResult Json(ModelList models) => Results.Json(models, ApiJson.Plain.ModelList);

    // Clients escape the slash of an id; the server leaves it so, because it might mean something else in a path.
    private static string Unescape(string id) => id.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
}
