using System.Text.Json.Nodes;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts;
using Interfuse.Inference.Models;
using Interfuse.Testing;

namespace Interfuse.Inference.Tests.Models;

/// <summary>Models that cannot be run are refused, and the message says why.</summary>
public sealed class BadModelTests
{
    private readonly TempFolder _folder = new();

    [OneTimeTearDown]
    public void CleanUp() => _folder.Dispose();

    [TestCase("architectures", """["FooForCausalLM"]""", "'FooForCausalLM'; those that can be run are LlamaForCausalLM")]
    [TestCase("architectures", "[]", "of no model")]
    [TestCase("hidden_size", "0", "hidden_size 0")]
    [TestCase("hidden_size", "null", "no hidden_size")]
    [TestCase("hidden_size", "1.5", "hidden_size 1.5")]
    [TestCase("hidden_size", "1e300", "hidden_size 1e")]
    [TestCase("num_hidden_layers", "\"four\"", "num_hidden_layers \"four\"")]
    [TestCase("num_hidden_layers", "5", "'model.layers.4.input_layernorm.weight': is missing")]
    [TestCase("num_key_value_heads", "3", "no multiple of num_key_value_heads 3")]
    [TestCase("head_dim", "31", "an odd number")]
    [TestCase("head_dim", "64", "has the shape [128, 128], and config.json asks for [256, 128]")]
    [TestCase("intermediate_size", "385", "config.json asks for [385, 128]")]
    [TestCase("vocab_size", "300", "'model.embed_tokens.weight': has the shape [259, 128]")]
    [TestCase("hidden_act", "\"gelu\"", "hidden_act 'gelu'")]
    [TestCase("attention_bias", "true", "q_proj.bias': is missing")]
    [TestCase("attention_bias", "1", "attention_bias 1, where true or false")]
    [TestCase("quantization_config", "{}", "weights are quantized")]
    [TestCase("rope_scaling", """{"rope_type": "longrope"}""", "rope type 'longrope'; those that can be run are default")]
    [TestCase("rope_scaling", """{"type": "linear"}""", "without factor")]
    [TestCase("rope_scaling", """{"type": "linear", "factor": -2}""", "factor -2, where a number above 0")]
    [TestCase("rope_scaling", """{"type": "llama3", "factor": 8}""", "without original_max_position_embeddings")]
    [TestCase("rope_scaling", "3", "rope_scaling 3, where an object")]
    public void A_configuration_that_cannot_be_run_is_refused(string key, string value, string message)
    {
        string model = Copy(json => json[key] = JsonNode.Parse(value));

        Assert.That(() => Load(model), Throws.InstanceOf<CheckpointFormatException>().With.Message.Contains(message));
    }

    [Test]
    public void A_model_without_a_configuration_is_refused()
    {
        string model = Copy(_ => { });
        File.Delete(Path.Combine(model, "config.json"));

        Assert.That(() => Load(model), Throws.InstanceOf<CheckpointFormatException>().With.Message.Contains("no config.json"));
    }

    [Test]
    public void Who_is_given_logits_may_not_read_meanwhile_and_what_a_failure_left_unread_is_as_before()
    {
        using Decoder decoder = TinyExperts.Load("base");
        using DecoderSequence sequence = decoder.Start();
        using DecoderSequence other = decoder.Start();
        int[] tokens = [1, 2];

        Assert.That(
            () => decoder.Read([new Reading(sequence, tokens)], (_, _, _) => decoder.Step([other], tokens.AsMemory(1), Nothing)),
            Throws.InvalidOperationException);
        Assert.That((sequence.Length, other.Length, decoder.CacheBytesInUse), Is.EqualTo((0, 0, 0L)));
        Assert.That(() => decoder.Read([new Reading(sequence, tokens)], Nothing), Throws.Nothing);
        Assert.That(sequence.Length, Is.EqualTo(2));
    }

    [TestCase(259, "no token 259")]
    [TestCase(-1, "no token -1")]
    public void A_token_outside_the_vocabulary_is_refused(int token, string message)
    {
        using Decoder decoder = TinyExperts.Load("base");
        using DecoderSequence sequence = decoder.Start();

        Assert.That(
            () => decoder.Read([new Reading(sequence, new[] { 1, token })], Nothing),
            Throws.InstanceOf<InterfuseException>().With.Message.Contains(message));
        Assert.That(sequence.Length, Is.Zero);
    }

    [Test]
    public void A_text_longer_than_the_context_is_refused_and_one_as_long_is_not()
    {
        using Decoder decoder = TinyExperts.Load("base");
        using DecoderSequence sequence = decoder.Start();
        int context = decoder.Config.ContextLength;

        Assert.That(
            () => decoder.Read([new Reading(sequence, new int[context + 1])], Nothing),
            Throws.InstanceOf<InterfuseException>().With.Message.Contains("65 tokens is longer than the model's context of 64"));
        decoder.Read([new Reading(sequence, new int[context])], Nothing);
        Assert.That(
            () => decoder.Step([sequence], new[] { 1 }, Nothing),
            Throws.InstanceOf<InterfuseException>().With.Message.Contains("longer than the model's context"));
    }

    [Test]
    public void A_sequence_of_another_decoder_or_twice_in_a_batch_or_over_is_refused()
    {
        using Decoder decoder = TinyExperts.Load("base");
        using Decoder other = TinyExperts.Load("base");
        using DecoderSequence sequence = decoder.Start();
        using DecoderSequence stranger = other.Start();
        DecoderSequence over = decoder.Start();
        over.Dispose();
        int[] token = [1];

        Assert.Multiple(() =>
        {
            Assert.That(() => decoder.Read([new(sequence, token), new(sequence, token)], Nothing), Throws.ArgumentException);
            Assert.That(() => decoder.Read([new(stranger, token)], Nothing), Throws.ArgumentException);
            Assert.That(() => decoder.Read([new(sequence, default)], Nothing), Throws.ArgumentException);
            Assert.That(() => decoder.Read([new(over, token)], Nothing), Throws.InstanceOf<ObjectDisposedException>());
        });
    }

    private static void Nothing(int reading, int token, ReadOnlySpan<float> logits)
    {
        // Only whether it gets here matters.
    }

    // The tiny base with one setting changed.
    private string Copy(Action<JsonObject> change)
    {
        string model = _folder[Guid.NewGuid().ToString("N")];
        Directory.CreateDirectory(model);
        string from = TinyExperts.PathOf("base");
        File.Copy(Path.Combine(from, "model.safetensors"), Path.Combine(model, "model.safetensors"));
        JsonObject json = JsonNode.Parse(File.ReadAllText(Path.Combine(from, "config.json")))!.AsObject();
        change(json);
        File.WriteAllText(Path.Combine(model, "config.json"), json.ToJsonString());
        return model;
    }

    private static void Load(string model)
    {
        using ModelWeights weights = ModelWeights.Open(model);
        using var decoder = Decoder.Load(weights, new CpuDevice(threads: 1));
    }
}
