using Interfuse.Server.Http.Errors;
using Interfuse.Server.Http.OpenAi;
using Interfuse.Server.Http.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Interfuse.Server.Http.Admin;

/// <summary>Loads and unloads models while others answer.</summary>
internal static class AdminEndpoints
{
    public static void MapAdmin(this IEndpointRouteBuilder routes)
    {
        RouteGroupBuilder models = routes.MapGroup("/v1/admin/models")
            .RequireAuthorization(ServerPolicies.Admin)
            .WithTags("Administration");
        models.MapGet("", (ModelAdmin admin) => Results.Json(admin.List(), ApiJson.Plain.ModelReports))
            .WithSummary("Lists what is loaded.")
            .Produces<ModelReports>();
        Fails(models.MapPost("", async (HttpContext context, ModelAdmin admin) => Results.Json(
                await admin.LoadAsync(
                    await BodyReader.ReadAsync(context.Request, ApiJson.Plain.LoadBody), context.RequestAborted),
                ApiJson.Plain.ModelReport,
                statusCode: StatusCodes.Status201Created)))
            .WithSummary("Loads a model or a pack of an allowed folder, and answers when it is loaded.")
            .Accepts<LoadBody>("application/json").Produces<ModelReport>(201);
        Fails(models.MapDelete("/{name}", async (string name, HttpContext context, ModelAdmin admin) => Results.Json(
                await admin.UnloadAsync(name, context.RequestAborted), ApiJson.Plain.UnloadedModel)))
            .WithSummary("Unloads a model: takes no more requests for it, and answers when the last one is answered.")
            .Produces<UnloadedModel>();
        Fails(models.MapPost("/{name}/pin", (string name, ModelAdmin admin) => Results.Json(
                admin.Pin(name, isPinned: true), ApiJson.Plain.ModelReport)))
            .WithSummary("Pins a model: it is never unloaded.")
            .Produces<ModelReport>();
        Fails(models.MapDelete("/{name}/pin", (string name, ModelAdmin admin) => Results.Json(
                admin.Pin(name, isPinned: false), ApiJson.Plain.ModelReport)))
            .WithSummary("Takes a pin back.")
            .Produces<ModelReport>();
    }

    private static RouteHandlerBuilder Fails(RouteHandlerBuilder route)
    {
        foreach (int status in new[] { 400, 401, 403, 404, 503 })
        {
            route.Produces<ErrorBody>(status);
        }

        return route;
    }
}
