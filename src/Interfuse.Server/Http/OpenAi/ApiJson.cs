using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Interfuse.Server.Http.Admin;
using Interfuse.Server.Http.Errors;
using Interfuse.Server.Http.Merges;

namespace Interfuse.Server.Http.OpenAi;

/// <summary>How requests and responses become JSON and back.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(CompletionBody))]
[JsonSerializable(typeof(ChatBody))]
[JsonSerializable(typeof(Completion))]
[JsonSerializable(typeof(ChatCompletion))]
[JsonSerializable(typeof(ChatChunk))]
[JsonSerializable(typeof(ModelEntry))]
[JsonSerializable(typeof(ModelList))]
[JsonSerializable(typeof(ErrorBody))]
[JsonSerializable(typeof(LoadBody))]
[JsonSerializable(typeof(ModelReport))]
[JsonSerializable(typeof(ModelReports))]
[JsonSerializable(typeof(UnloadedModel))]
[JsonSerializable(typeof(MergeBody))]
[JsonSerializable(typeof(MergeReport))]
[JsonSerializable(typeof(MergeReports))]
internal sealed partial class ApiJson : JsonSerializerContext
{
    /// <summary>The same, with characters beyond ASCII as they are: pages of HTML, which they might harm, are none of ours.</summary>
    public static ApiJson Plain => Holder.Plain;

    // Made after the default one, whichever of this class's files is first.
    private static class Holder
    {
        public static readonly ApiJson Plain = new(new JsonSerializerOptions(Default.Options)
        {
            TypeInfoResolver = null,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        });
    }
}
