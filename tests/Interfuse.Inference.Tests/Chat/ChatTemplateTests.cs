using System.Text.Json;
using System.Text.Json.Nodes;
using Interfuse.Checkpoints;
using Interfuse.Inference.Chat;
using Interfuse.Testing;
using NUnit.Framework.Constraints;

namespace Interfuse.Inference.Tests.Chat;

public sealed class ChatTemplateTests
{
    private const string ChatMl = "{% for m in messages %}{{ '<|im_start|>' + m['role'] }}{% endfor %}";

    private static readonly ChatMessage[] Conversation =
    [
        new("system", "Be brief."), new("user", "Hello"), new("assistant", " Hi "), new("user", "Bye\n"),
    ];

    private static IEnumerable<string> Names => Directory
        .GetFiles(Repository.PathOf("tests", "Interfuse.Inference.Tests", "Chat", "Templates"), "*.json")
        .Select(path => Path.GetFileNameWithoutExtension(path));

    // What is expected was printed by the templates themselves, run by the Jinja of Hugging Face for JavaScript.
    [TestCaseSource(nameof(Names))]
    public void A_known_template_is_rendered_as_it_would_print(string name)
    {
        JsonNode known = Known(name);
        ChatTemplate template = Load((string)known["template"]!);

        Assert.That(template.Render(Conversation[1..]), Is.EqualTo((string?)known["expected"]!["without_system"]));
        if ((string?)known["expected"]!["with_system"] is string expected)
        {
            Assert.That(template.Render(Conversation), Is.EqualTo(expected));
        }
        else
        {
            Assert.That(
                () => template.Render(Conversation),
                Throws.InstanceOf<InterfuseException>().With.Message.Contains("no system message"));
        }
    }

    [Test]
    public void The_generation_prompt_is_left_out_where_it_is_not_wanted()
    {
        ChatTemplate template = Load((string)Known("chatml")["template"]!);

        Assert.That(
            template.Render([new("user", "a")], addGenerationPrompt: false), Is.EqualTo("<|im_start|>user\na<|im_end|>\n"));
    }

    [Test]
    public void Spelling_does_not_matter_and_what_is_printed_does()
    {
        string template = (string)Known("chatml")["template"]!;

        Assert.That(Load(template.Replace('\'', '"')).Name, Is.EqualTo("ChatML"));
        Assert.That(Load(template.Replace("message['role']", "message.role")).Name, Is.EqualTo("ChatML"));
        Assert.That(Load(template.Replace("{{", "{{-  ").Replace("%}", " %}\n")).Name, Is.EqualTo("ChatML"));
        Assert.That(() => Load(template.Replace("<|im_end|>", "<|im_stop|>")), Unknown);
        Assert.That(() => Load(template.Replace("{% endfor %}", " {% endfor %}")), Unknown);
        Assert.That(() => Load(template + " {{ x }}"), Unknown);
        Assert.That(() => Load(template.Replace("message['content']", "message['content'] | trim")), Unknown);
        Assert.That(() => Load(ChatMl), Unknown);
    }

    [Test]
    public void A_default_system_prompt_is_the_templates_own()
    {
        string template = ((string)Known("qwen25")["template"]!).Replace(
            "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.", @"It\'s \\boxed{}.\n");

        Assert.That(
            Load(template).Render([new("user", "a")]),
            Does.StartWith("<|im_start|>system\nIt's \\boxed{}.\n<|im_end|>\n<|im_start|>user\na<|im_end|>\n"));
    }

    [Test]
    public void A_template_comes_from_its_own_file_or_by_name_from_the_list()
    {
        string template = (string)Known("zephyr")["template"]!;
        using var folder = new TempFolder();
        folder.Write("tokenizer_config.json", new JsonObject
        {
            ["eos_token"] = "</s>",
            ["chat_template"] = new JsonArray(
                new JsonObject { ["name"] = "tool_use", ["template"] = "x" },
                new JsonObject { ["name"] = "default", ["template"] = template }),
        }.ToJsonString());
        Assert.That(ChatTemplate.Load(folder.Path).Name, Is.EqualTo("Zephyr"));

        folder.Write("chat_template.jinja", (string)Known("chatml")["template"]!);
        Assert.That(ChatTemplate.Load(folder.Path).Name, Is.EqualTo("ChatML"));
    }

    [Test]
    public void A_model_without_a_template_and_roles_out_of_order_are_errors()
    {
        using var folder = new TempFolder();
        Assert.That(
            () => ChatTemplate.Load(folder.Path),
            Throws.InstanceOf<CheckpointFormatException>().With.Message.Contains("has no chat template"));

        ChatTemplate llama = Load((string)Known("llama2")["template"]!);
        Assert.That(
            () => llama.Render([new("user", "a"), new("user", "b")]),
            Throws.InstanceOf<InterfuseException>().With.Message.Contains("message 1 has the role 'user'"));
        Assert.That(
            () => llama.Render([new("tool", "a")]),
            Throws.InstanceOf<InterfuseException>().With.Message.Contains("the role 'tool'"));
        Assert.That(() => llama.Render([]), Throws.InstanceOf<InterfuseException>());
    }

    private static ContainsConstraint Unknown =>
        Throws.InstanceOf<CheckpointFormatException>().With.Message.Contains("not known");

    private static JsonNode Known(string name) => JsonNode.Parse(File.ReadAllText(
        Repository.PathOf("tests", "Interfuse.Inference.Tests", "Chat", "Templates", $"{name}.json")))!;

    private static ChatTemplate Load(string template)
    {
        using var folder = new TempFolder();
        folder.Write("tokenizer_config.json", JsonSerializer.Serialize(
            new { chat_template = template, bos_token = "<s>", eos_token = "</s>" }));
        return ChatTemplate.Load(folder.Path);
    }
}
