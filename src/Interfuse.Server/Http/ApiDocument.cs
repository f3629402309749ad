using System.Text.Json.Nodes;
using Interfuse.Server.Http.OpenAi;
using Interfuse.Server.Http.Security;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Interfuse.Server.Http;

/// <summary>The OpenAPI document: what the framework can't see by itself.</summary>
internal static class ApiDocument
{
    public static void Configure(OpenApiOptions options)
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo
            {
                Title = "Interfuse",
                Version = typeof(ApiDocument).Assembly.GetName().Version!.ToString(3),
                Description = "Answers of language models and of merged experts, as OpenAI's clients expect them.",
            };

            // Where it listens is whoever fetches it who knows.
            document.Servers?.Clear();
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
            {
                [ApiKeyHandler.SchemeName] = new OpenApiSecurityScheme
                {
                    Type = SecuritySchemeType.Http,
                    Scheme = "bearer",
                    Description = "A key; none is needed while the server has none.",
                },
            };
            document.Security =
            [
                new OpenApiSecurityRequirement
                {
                    [new OpenApiSecuritySchemeReference(ApiKeyHandler.SchemeName, document)] = [],
                },
            ];
            return Task.CompletedTask;
        });
        options.AddSchemaTransformer((schema, context, _) =>
        {
            if (context.JsonTypeInfo.Type == typeof(StopTexts))
            {
                schema.AnyOf = [Text(), List(Text())];
            }
            else if (context.JsonTypeInfo.Type == typeof(PromptValue))
            {
                schema.AnyOf = [Text(), List(Text()), List(new OpenApiSchema { Type = JsonSchemaType.Integer })];
            }
            else if (context.JsonTypeInfo.Type == typeof(ContentText))
            {
                schema.AnyOf = [Text(), List(TextPart())];
            }

            return Task.CompletedTask;
        });
    }

    private static OpenApiSchema Text() => new() { Type = JsonSchemaType.String };

    private static OpenApiSchema List(OpenApiSchema item) => new() { Type = JsonSchemaType.Array, Items = item };

    private static OpenApiSchema TextPart() => new()
    {
        Type = JsonSchemaType.Object,
        Properties = new Dictionary<string, IOpenApiSchema>
        {
            ["type"] = new OpenApiSchema { Type = JsonSchemaType.String, Enum = [JsonValue.Create("text")] },
            ["text"] = Text(),
        },
        Required = new HashSet<string> { "type", "text" },
    };
}
