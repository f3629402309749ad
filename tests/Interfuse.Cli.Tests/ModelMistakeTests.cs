using System.Text.Json.Nodes;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>Models that can't be run, and prompts and tasks that can't be put to them.</summary>
public sealed class ModelMistakeTests
{
    private TempFolder _folder = null!;
    private string _model = null!;

    [SetUp]
    public void CopyModel()
    {
        _folder = new TempFolder();
        _model = TinyExperts.Copy("add", _folder["model"]);
    }

    [TearDown]
    public void DeleteModel() => _folder.Dispose();

    [Test]
    public void A_missing_tensor()
    {
        TinyExperts.RemoveTensor(_model, "model.layers.2.mlp.down_proj.weight");

        AssertRefused("tensor 'model.layers.2.mlp.down_proj.weight': is missing");
    }

    [Test]
    public void A_tensor_of_another_shape_than_the_configuration_has()
    {
        TinyExperts.Edit(_model, "config.json", config => config["intermediate_size"] = 400);

        AssertRefused("tensor 'model.layers.0.mlp.gate_proj.weight'", "has the shape [384, 128]", "[400, 128]");
    }

    [Test]
    public void An_architecture_that_is_not_known()
    {
        TinyExperts.Edit(_model, "config.json", config => config["architectures"] = new JsonArray("GPT2LMHeadModel"));

        AssertRefused("config.json", "'GPT2LMHeadModel'", "LlamaForCausalLM");
    }

    [Test]
    public void No_configuration()
    {
        File.Delete(Path.Combine(_model, "config.json"));

        AssertRefused("has no config.json");
    }

    [Test]
    public void No_tokenizer()
    {
        File.Delete(Path.Combine(_model, "tokenizer.json"));

        AssertRefused("tokenizer.json: does not exist");
    }

    [Test]
    public void A_tokenizer_without_a_vocabulary()
    {
        TinyExperts.Edit(_model, "tokenizer.json", tokenizer => tokenizer["model"]!.AsObject().Remove("vocab"));

        AssertRefused("tokenizer.json", "vocab");
    }

    [Test]
    public void A_tokenizer_that_is_bigger_than_the_model()
    {
        TinyExperts.Edit(_model, "tokenizer.json", tokenizer =>
        {
            JsonNode token = tokenizer["added_tokens"]![0]!.DeepClone();
            token["id"] = 300;
            token["content"] = "<big>";
            tokenizer["added_tokens"]!.AsArray().Add(token);
        });

        AssertRefused(["generate", _model, "--prompt", "a <big> one"], "there is no token 300", "vocabulary has 259");
    }

    [Test]
    public void A_chat_template_that_is_not_there_or_not_known()
    {
        AssertRefused(["generate", _model, "--prompt", "x", "--chat"], "has no chat template");
        File.WriteAllText(Path.Combine(_model, "chat_template.jinja"), "{{ messages[0]['content'] }}");
        AssertRefused(["eval", _model, "--task", TinyExperts.TaskPath("add"), "--chat"], "chat template that is not known");
    }

    [Test]
    public void A_prompt_that_is_empty_or_too_long()
    {
        AssertRefused(["generate", _model, "--prompt", ""], "The prompt is empty");
        Mistakes.AssertMistake(
            CommandLine.RunWithInput("\n", "generate", _model, "--prompt", "-"), ExitCode.BadInput, "The prompt is empty");
        AssertRefused(["generate", _model, "--prompt", new string('x', 64)], "65 tokens is longer than the model's context of 64");
    }

    [Test]
    public void A_model_that_is_not_there()
    {
        AssertRefused(["generate", _folder["nowhere"], "--prompt", "x"], "nowhere");
        AssertRefused(["eval", _model, _folder["nowhere"], "--task", TinyExperts.TaskPath("add")], "nowhere");
    }

    [TestCase("", "has no samples")]
    [TestCase("{\"prompt\": \"a\", \"answer\": \"b\"}\n{\"prompt\": \"a\"}", "line 2 has no \"answer\"")]
    [TestCase("{\"prompt\": \"a\", \"answer\": \"b\"}\n\n{\"prompt\": ", "line 3 is not JSON")]
    public void A_task_that_is_broken(string text, string fault)
    {
        string task = _folder.Write("task.jsonl", text);

        AssertRefused(["eval", _model, "--task", task], task, fault);
    }

    [Test]
    public void A_task_with_a_prompt_that_is_too_long_names_it()
    {
        string task = _folder.Write("task.jsonl", $$"""{"prompt": "{{new string('x', 64)}}", "answer": "b"}""");

        AssertRefused(["eval", _model, "--task", task], "line 1 of the task 'task' is a text of 65 tokens");
    }

    [Test]
    public void A_task_that_is_not_there_or_samples_that_have_no_place()
    {
        AssertRefused(["eval", _model, "--task", _folder["none.jsonl"]], "none.jsonl: there is no such file");
        string[] eval = ["eval", _model, "--task", TinyExperts.TaskPath("add"), "--samples"];
        AssertRefused([.. eval, _folder.Path], "is a folder");
        AssertRefused([.. eval, _folder["none", "samples.jsonl"]], "there is no folder");
    }

    [Test]
    public void An_expert_of_no_pack()
    {
        AssertRefused(["eval", _model, "--task", TinyExperts.TaskPath("add"), "--expert", "add"], "is a plain model without experts");
    }

    private void AssertRefused(params string[] fragments) => AssertRefused(["generate", _model, "--prompt", "x"], fragments);

    private void AssertRefused(string[] arguments, params string[] fragments) =>
        Mistakes.AssertRefused(_folder, ExitCode.BadInput, arguments, fragments);
}
