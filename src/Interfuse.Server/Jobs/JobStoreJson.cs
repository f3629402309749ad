using System.Text.Json.Serialization;

namespace Interfuse.Server.Jobs;

/// <summary>How lists and results stand in the database.</summary>
[JsonSerializable(typeof(IReadOnlyList<string>))]
[JsonSerializable(typeof(MergeJobResult))]
internal sealed partial class JobStoreJson : JsonSerializerContext;
