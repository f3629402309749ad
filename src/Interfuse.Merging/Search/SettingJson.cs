using System.Text.Json.Nodes;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Search;

/// <summary>A parameter's value as JSON, in the form that recipes have.</summary>
internal static class SettingJson
{
    public static JsonNode Of(ParameterSetting setting) => setting switch
    {
        NumberSetting { Word: { } word } => word,
        NumberSetting { IsFlag: true, Value: var flag } => flag != 0,
        NumberSetting { Value: var number } => number,
        GradientSetting { Values: var values } => new JsonArray([.. values.Select(value => (JsonNode)value)]),
        ConditionalSetting { Entries: var entries } => new JsonArray(
        [
            .. entries.Select(entry => new JsonObject { ["filter"] = entry.Filter, ["value"] = Of(entry.Value) }),
        ]),
        _ => throw new InvalidOperationException($"A setting of an unknown kind, {setting.GetType().Name}."),
    };
}
