using System.Globalization;
using Interfuse.Server.Http.Errors;
using Interfuse.Server.Http.OpenAi;
using Interfuse.Server.Http.Security;
using Interfuse.Server.Jobs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Interfuse.Server.Http.Merges;

/// <summary>Takes merge jobs, tells of them and cancels them.</summary>
internal static class MergeEndpoints
{
    private const int MostListed = 100;
    private const int Listed = 20;

    // A job stops within about a second; whoever asks does not wait for one that hangs.
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(10);

    public static void MapMerges(this IEndpointRouteBuilder routes)
    {
        RouteGroupBuilder merges = routes.MapGroup("/v1/merges")
            .RequireAuthorization(ServerPolicies.Admin)
            .AddEndpointFilter(TellAsync)
            .WithTags("Merges");
        Fails(merges.MapPost("", SubmitAsync), 409, 413, 415, 429)
            .WithSummary("Checks a recipe and puts it into the queue; answers before it is carried out.")
            .Accepts<MergeBody>("application/json").Produces<MergeReport>(202);
        Fails(merges.MapGet("", (string? limit, string? after, IMergeJobs jobs) => List(limit, after, jobs)))
            .WithSummary("Lists jobs, the newest first: 'limit' of them, 1 to 100, that are older than the job 'after'.")
            .Produces<MergeReports>();
        Fails(merges.MapGet("/{id}", (string id, IMergeJobs jobs) => Json(jobs.Find(id))))
            .WithSummary("Tells of a job: how far it is, what it made, or why it failed.")
            .Produces<MergeReport>();
        Fails(merges.MapDelete("/{id}", CancelAsync), 409)
            .WithSummary("Cancels a job; nothing is left of it. Answers 202 if that takes longer than is waited for.")
            .Produces<MergeReport>().Produces<MergeReport>(202);
    }

    private static async Task<IResult> SubmitAsync(HttpContext context, IMergeJobs jobs)
    {
        MergeBody body = await BodyReader.ReadAsync(context.Request, ApiJson.Plain.MergeBody);
        MergeJob job = jobs.Submit(new MergeRequest(
            body.Recipe ?? throw ApiException.Of("'recipe' is needed: the YAML of a recipe.", "recipe"),
            body.Output ?? throw ApiException.Of("'output' is needed: the name of the directory to make.", "output"))
        {
            Device = body.Device,
            Threads = body.Threads,
        });
        context.Response.Headers.Location = $"/v1/merges/{job.Id}";
        return Json(job, StatusCodes.Status202Accepted);
    }

    private static IResult List(string? limit, string? after, IMergeJobs jobs)
    {
        int count = Listed;
        bool isNumber = limit is null || int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out count);
        if (!isNumber || count is < 1 or > MostListed)
        {
            throw ApiException.Of($"'limit' has to be a whole number from 1 to {MostListed}.", "limit");
        }

        IReadOnlyList<MergeJob> found = jobs.List(count + 1, after);
        MergeReport[] page = [.. found.Take(count).Select(job => MergeReport.Of(job, withRecipe: false))];
        return Results.Json(new MergeReports("list", page, found.Count > count), ApiJson.Plain.MergeReports);
    }

    private static async Task<IResult> CancelAsync(string id, HttpContext context, IMergeJobs jobs)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        waiting.CancelAfter(StopTime);
        try
        {
            return Json(await jobs.CancelAsync(id, waiting.Token));
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            return Json(jobs.Find(id), StatusCodes.Status202Accepted);
        }
    }

    private static async ValueTask<object?> TellAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await next(context);
        }
        catch (MergeJobException error)
        {
            throw new ApiException(ApiError.Of(error));
        }
    }

    private static IResult Json(MergeJob job, int status = StatusCodes.Status200OK) =>
        Results.Json(MergeReport.Of(job, withRecipe: true), ApiJson.Plain.MergeReport, statusCode: status);

    private static RouteHandlerBuilder Fails(RouteHandlerBuilder route, params ReadOnlySpan<int> more)
    {
        foreach (int status in (int[])[400, 401, 403, 404, .. more])
        {
            route.Produces<ErrorBody>(status);
        }

        return route;
    }
}
