using System.Text;
using Interfuse.Testing;

namespace Interfuse.Checkpoints.Tests;

public sealed class ModelConfigTests
{
    [Test]
    public void Edits_keep_order_unknown_keys_and_the_spelling_of_numbers()
    {
        ModelConfig config = Parse("""
            {"zeta":[1,{"b":null}],"vocab_size":100,"rms_norm_eps":1e-05,"num_hidden_layers":2,"torch_dtype":"float32",
             "tie_word_embeddings":true,"name":"Größe <重>","alpha":10000.0}
            """);

        config.SetVocabSize(128);
        config.SetLayerCount(48);
        config.SetDType(DType.BFloat16);
        config.SetTieWordEmbeddings(false);

        Assert.That(Text(config), Is.EqualTo("""
            {
              "zeta": [
                1,
                {
                  "b": null
                }
              ],
              "vocab_size": 128,
              "rms_norm_eps": 1e-05,
              "num_hidden_layers": 48,
              "torch_dtype": "bfloat16",
              "tie_word_embeddings": false,
              "name": "Größe <重>",
              "alpha": 10000.0
            }

            """));
        Assert.That(config.VocabSize, Is.EqualTo(128));
        Assert.That(config.LayerCount, Is.EqualTo(48));
        Assert.That(config.TieWordEmbeddings, Is.False);
    }

    [Test]
    public void Facts_are_read()
    {
        ModelConfig config = Parse("""
            {"model_type":"llama","architectures":["LlamaForCausalLM","X"],"num_hidden_layers":32,"vocab_size":32000,
             "tie_word_embeddings":true}
            """);

        Assert.That(config.ModelType, Is.EqualTo("llama"));
        Assert.That(config.Architecture, Is.EqualTo("LlamaForCausalLM"));
        Assert.That(config.LayerCount, Is.EqualTo(32));
        Assert.That(config.VocabSize, Is.EqualTo(32000));
        Assert.That(config.TieWordEmbeddings, Is.True);
    }

    [TestCase("{}")]
    [TestCase("""
        {"model_type":1,"architectures":[],"num_hidden_layers":"32","vocab_size":1.5,"tie_word_embeddings":"yes",
         "text_config":[]}
        """)]
    [TestCase("""{"architectures":"x","num_hidden_layers":-1,"vocab_size":null,"tie_word_embeddings":0}""")]
    [TestCase("""{"architectures":[null],"num_hidden_layers":4294967297}""")]
    public void Absent_or_senseless_facts_are_null(string json)
    {
        ModelConfig config = Parse(json);

        Assert.That(config.ModelType, Is.Null);
        Assert.That(config.Architecture, Is.Null);
        Assert.That(config.LayerCount, Is.Null);
        Assert.That(config.VocabSize, Is.Null);
        Assert.That(config.TieWordEmbeddings, Is.Null);
    }

    [TestCase("n_layer")]
    [TestCase("num_layers")]
    public void Other_names_of_the_layer_count_are_known(string key)
    {
        ModelConfig config = Parse($$"""{"{{key}}":12}""");
        Assert.That(config.LayerCount, Is.EqualTo(12));

        config.SetLayerCount(24);

        Assert.That(Compact(config), Is.EqualTo($$"""{"{{key}}":24}"""));
    }

    [Test]
    public void A_nested_text_config_is_read_and_edited_in_place()
    {
        ModelConfig config = Parse(
            """{"text_config":{"n_layer":4,"dtype":"float32"},"dtype":"float32","vision_config":{}}""");
        Assert.That(config.LayerCount, Is.EqualTo(4));

        config.SetLayerCount(8);
        config.SetVocabSize(10);
        config.SetDType(DType.Float16);

        Assert.That(Compact(config), Is.EqualTo(
            """
            {"text_config":{"n_layer":8,"dtype":"float16","vocab_size":10},"dtype":"float16","vision_config":{}}
            """));
    }

    [Test]
    public void A_key_at_both_levels_is_edited_at_both()
    {
        ModelConfig config = Parse("""{"vocab_size":5,"text_config":{"vocab_size":5}}""");

        config.SetVocabSize(6);

        Assert.That(Compact(config), Is.EqualTo("""{"vocab_size":6,"text_config":{"vocab_size":6}}"""));
    }

    [TestCase("{}", """{"torch_dtype":"bfloat16"}""")]
    [TestCase("""{"text_config":{}}""", """{"text_config":{},"torch_dtype":"bfloat16"}""")]
    [TestCase("""{"torch_dtype":"float32"}""", """{"torch_dtype":"bfloat16"}""")]
    [TestCase("""{"dtype":"float32"}""", """{"dtype":"bfloat16"}""")]
    [TestCase("""{"dtype":"float32","torch_dtype":"x"}""", """{"dtype":"bfloat16","torch_dtype":"bfloat16"}""")]
    public void The_dtype_goes_under_the_keys_in_use(string before, string after)
    {
        ModelConfig config = Parse(before);

        config.SetDType(DType.BFloat16);

        Assert.That(Compact(config), Is.EqualTo(after));
    }

    [Test]
    public void A_clone_is_independent()
    {
        ModelConfig config = Parse("""{"text_config":{"vocab_size":5}}""");

        config.Clone().SetVocabSize(6);

        Assert.That(config.VocabSize, Is.EqualTo(5));
    }

    [TestCase("")]
    [TestCase("[1]")]
    [TestCase("null")]
    [TestCase("{,}")]
    [TestCase("""{"a":1,"a":2}""")]
    public void What_is_not_a_JSON_object_is_refused(string text)
    {
        using var folder = new TempFolder();
        string path = folder.Write("config.json", text);

        Assert.That(
            () => ModelConfig.Read(path),
            Throws.TypeOf<CheckpointFormatException>().With.Message.StartsWith(path).And.Message.Contains("JSON"));
    }

    private static ModelConfig Parse(string json)
    {
        using var folder = new TempFolder();
        return ModelConfig.Read(folder.Write("config.json", json));
    }

    private static string Text(ModelConfig config) => Encoding.UTF8.GetString(config.ToUtf8Bytes());

    private static string Compact(ModelConfig config) => Text(config).Replace("\n", "", StringComparison.Ordinal)
        .Replace(" ", "", StringComparison.Ordinal);
}
