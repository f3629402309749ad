using Interfuse.Server.Engine;
using Microsoft.AspNetCore.Http;

namespace Interfuse.Server.Http.Operations;

/// <summary>What the log tells of a request.</summary>
internal sealed class RequestFacts
{
    public string? Model { get; set; }

    public string? Expert { get; set; }

    public AnswerEnd? End { get; set; }

    /// <summary>The code of the error that was told.</summary>
    public string? Fault { get; set; }

    public static RequestFacts Of(HttpContext context)
    {
        if (context.Features.Get<RequestFacts>() is not { } facts)
        {
            facts = new RequestFacts();
            context.Features.Set(facts);
        }

        return facts;
    }
}
