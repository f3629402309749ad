using System.Text.Json;
using System.Text.Json.Nodes;
using Interfuse.Checkpoints;

namespace Interfuse.Inference.Models;

/// <summary>
/// Reads rope settings in either spelling: <c>rope_theta</c> beside <c>rope_scaling</c>, or <c>rope_parameters</c>.
/// </summary>
internal sealed class RopeReader(JsonObject json, int maxPositions, Func<string, CheckpointFormatException> fault)
{
    private const string Kinds = "default, linear, dynamic, llama3 and yarn";

    public RopeSettings Read()
    {
        JsonObject? settings = Dictionary("rope_scaling") ?? Dictionary("rope_parameters");
        double theta = Positive(settings, "rope_theta") ?? Positive(json, "rope_theta") ?? 10000;
        RopeScaling scaling = Kind(settings);
        int trained = TrainedLength(settings, scaling);
        var rope = new RopeSettings { Scaling = scaling, Theta = theta, TrainedLength = trained };
        if (scaling == RopeScaling.Default)
        {
            return rope;
        }

        double factor = Positive(settings, "factor")
            ?? (scaling == RopeScaling.Yarn ? (double)maxPositions / trained : throw Missing("factor"));
        rope = rope with { Factor = factor };
        return scaling switch
        {
            RopeScaling.Llama3 => Llama3(rope, settings!),
            RopeScaling.Yarn => Yarn(rope, settings!),
            _ => rope,
        };
    }

    private JsonObject? Dictionary(string key) => json[key] switch
    {
        JsonObject { Count: > 0 } settings => settings,
        JsonObject or null => null,
        _ => throw fault($"has {DecoderConfigReader.Shown(json, key)}, where an object is needed"),
    };

    private RopeScaling Kind(JsonObject? settings)
    {
        if (settings is null)
        {
            return RopeScaling.Default;
        }

        if (settings.Count > 0 && settings.All(entry => entry.Value is JsonObject))
        {
            throw fault("has rope settings for each type of layer, which the families supported here do not");
        }

        string kind = DecoderConfigReader.Text(settings, "rope_type") ?? DecoderConfigReader.Text(settings, "type") ?? "default";
        return kind switch
        {
            "default" => RopeScaling.Default,
            "linear" => RopeScaling.Linear,
            "dynamic" => RopeScaling.Dynamic,
            "llama3" => RopeScaling.Llama3,
            "yarn" => RopeScaling.Yarn,
            _ => throw fault($"has the rope type '{kind}'; those that can be run are {Kinds}"),
        };
    }

    // Dynamic scaling goes by max_position_embeddings, whatever else there is.
    private int TrainedLength(JsonObject? settings, RopeScaling scaling)
    {
        double? original = scaling is RopeScaling.Llama3 or RopeScaling.Yarn
            ? Positive(settings, "original_max_position_embeddings")
            : null;
        return original switch
        {
            null when scaling == RopeScaling.Llama3 => throw Missing("original_max_position_embeddings"),
            null => maxPositions,
            double length and >= 1 and <= int.MaxValue => (int)length,
            _ => throw fault($"has original_max_position_embeddings {original}, which is no length"),
        };
    }

    private RopeSettings Llama3(RopeSettings rope, JsonObject settings)
    {
        double low = Positive(settings, "low_freq_factor") ?? throw Missing("low_freq_factor");
        double high = Positive(settings, "high_freq_factor") ?? throw Missing("high_freq_factor");
        return high > low
            ? rope with { LowFrequencyFactor = low, HighFrequencyFactor = high }
            : throw fault($"has high_freq_factor {high}, which is to be above low_freq_factor {low}");
    }

    private RopeSettings Yarn(RopeSettings rope, JsonObject settings)
    {
        double fast = NotZero(settings, "beta_fast") ?? 32;
        double slow = NotZero(settings, "beta_slow") ?? 1;
        return rope with
        {
            BetaFast = fast,
            BetaSlow = slow,
            Truncate = settings["truncate"]?.GetValueKind() != JsonValueKind.False,
            AttentionFactor = Positive(settings, "attention_factor") ?? Sharpening(rope.Factor, settings),
        };
    }

    private double Sharpening(double factor, JsonObject settings)
    {
        double Scale(double mscale) => factor <= 1 ? 1 : (0.1 * mscale * Math.Log(factor)) + 1;

        return NotZero(settings, "mscale") is double mscale && NotZero(settings, "mscale_all_dim") is double all
            ? Scale(mscale) / Scale(all)
            : Scale(1);
    }

    private double? Positive(JsonObject? settings, string key)
    {
        if (settings?[key] is null)
        {
            return null;
        }

        return DecoderConfigReader.Number(settings, key) is double value and > 0 && double.IsFinite(value)
            ? value
            : throw fault($"has {DecoderConfigReader.Shown(settings, key)}, where a number above 0 is needed");
    }

    private double? NotZero(JsonObject settings, string key) =>
        DecoderConfigReader.Number(settings, key) == 0 ? null : Positive(settings, key);

    private CheckpointFormatException Missing(string key) => fault($"has rope settings without {key}, which their type needs");
}
