using System.Text.Json;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary><c>interfuse generate</c> on the tiny experts.</summary>
public sealed class GenerateTests
{
    private const string Sum = "add 58+67=";

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [TestCaseSource(typeof(TinyExperts), nameof(TinyExperts.Names))]
    public void The_answer_is_that_of_the_reference(string model)
    {
        foreach (JsonElement entry in TinyExperts.Expected.GetProperty("reference").GetProperty(model).EnumerateArray().Take(2))
        {
            Outcome outcome = Generate(model, entry.GetProperty("prompt").GetString()!, "--max-tokens", "12");

            Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok), outcome.Error);
            Assert.That(outcome.Output, Is.EqualTo(entry.GetProperty("continuation").GetString() + "\n"));
        }
    }

    [Test]
    public void Figures_are_told_on_the_error_stream_and_not_when_quiet()
    {
        Assert.That(Generate("add", Sum).Error, Does.Match(
            @"^prompt: 11 tokens at [\d.]+/s; answer: 3 tokens at [\d.]+/s; the model ended it\n$"));
        Assert.That(Generate("add", Sum, "--stop", "25").Error, Does.EndWith("; a stop text ended it\n"));
        Assert.That(Generate("add", Sum, "--max-tokens", "1").Error, Does.EndWith("answer: 1 token; --max-tokens ended it\n"));
        Assert.That(Generate("add", Sum, "--ignore-eos").Error, Does.EndWith("; the model's context is full\n"));
        Outcome quiet = Generate("add", Sum, "--quiet");
        Assert.That((quiet.Output, quiet.Error), Is.EqualTo(("125\n", "")));
    }

    [Test]
    public void Json_has_everything_and_is_all_there_is()
    {
        Outcome outcome = Generate("add", Sum, "--json");

        Assert.That((outcome.ExitCode, outcome.Error), Is.EqualTo((ExitCode.Ok, "")));
        JsonElement json = outcome.Json;
        Assert.Multiple(() =>
        {
            Assert.That(json.GetProperty("model").GetString(), Is.EqualTo(TinyExperts.PathOf("add")));
            Assert.That(json.GetProperty("prompt").GetString(), Is.EqualTo(Sum));
            Assert.That(json.GetProperty("prompt_tokens").GetInt32(), Is.EqualTo(11));
            Assert.That(json.GetProperty("text").GetString(), Is.EqualTo("125"));
            Assert.That(json.GetProperty("tokens").EnumerateArray().Select(id => id.GetInt32()), Is.EqualTo("125"u8.ToArray()));
            Assert.That(json.GetProperty("reason").GetString(), Is.EqualTo("end_of_text"));
            Assert.That(json.GetProperty("rates").GetProperty("prompt").GetDouble(), Is.Positive);
            Assert.That(json.GetProperty("rates").GetProperty("answer").GetDouble(), Is.Positive);
            Assert.That(json.GetProperty("device").GetString(), Does.StartWith("CPU"));
        });
    }

    [TestCase("add 58+67=")]
    [TestCase("add 58+67=\n")]
    [TestCase("add 58+67=\r\n")]
    public void A_prompt_comes_from_standard_input(string input)
    {
        Outcome outcome = CommandLine.RunWithInput(input, "generate", TinyExperts.PathOf("add"), "--prompt", "-");

        Assert.That(outcome.Output, Is.EqualTo("125\n"), outcome.Error);
    }

    [Test]
    public void Options_of_sampling_reach_the_draws()
    {
        string[] warm = ["--temperature", "3", "--max-tokens", "20", "--ignore-eos", "--quiet"];
        string first = Generate("add", Sum, [.. warm, "--seed", "1"]).Output;

        Assert.That(Generate("add", Sum, [.. warm, "--seed", "1"]).Output, Is.EqualTo(first));
        Assert.That(Generate("add", Sum, [.. warm, "--seed", "2"]).Output, Is.Not.EqualTo(first));
        Assert.That(Generate("add", Sum, "--temperature", "3", "--top-k", "1", "-q").Output, Is.EqualTo("125\n"));
        Assert.That(Generate("add", Sum, "--temperature", "1", "--min-p", "1", "-q").Output, Is.EqualTo("125\n"));
        Assert.That(Generate("add", Sum, "--temperature", "1", "--top-p", "0.01", "-q").Output, Is.EqualTo("125\n"));
        Assert.That(Generate("add", Sum, "--repetition-penalty", "1000", "-q").Output, Is.Not.EqualTo("125\n"));
    }

    [Test]
    public void An_expert_of_a_pack_answers_by_its_name()
    {
        string pack = TinyExperts.Pack(_folder);

        Outcome outcome = CommandLine.Run("generate", pack, "--expert", "reverse", "--prompt", "reverse planet=", "-q");
        Assert.That((outcome.Output, outcome.Error), Is.EqualTo(("tenalp\n", "")));
        JsonElement json = CommandLine.Run("generate", pack, "--expert", "sort", "--prompt", "sort planet=", "--json").Json;
        Assert.That(json.GetProperty("text").GetString(), Is.EqualTo("aelnpt"));
        Assert.That(json.GetProperty("expert").GetString(), Is.EqualTo("sort"));

        Mistakes.AssertMistake(
            CommandLine.Run("generate", pack, "--prompt", "x"), ExitCode.BadInput, "choose one by --expert: 'add', 'cipher', 'reverse', 'sort'");
        Mistakes.AssertMistake(
            CommandLine.Run("generate", pack, "--prompt", "x", "--expert", "sum"), ExitCode.BadInput, "has no expert 'sum'", "'add'");
        Mistakes.AssertMistake(Generate("add", "x", "--expert", "add"), ExitCode.BadInput, "is a plain model without experts");
    }

    [Test]
    public void A_mixture_of_experts_answers_and_so_does_what_they_share()
    {
        string pack = TinyExperts.Pack(_folder);
        string[] arguments = ["generate", pack, "--prompt", "sort planet=", "--max-tokens", "8", "--json"];
        string exported = _folder["exported"];
        Assert.That(CommandLine.Run("export", pack, exported, "--mixture", "sort=0.75,add=0.25").ExitCode, Is.EqualTo(ExitCode.Ok));

        JsonElement mixed = CommandLine.Run([.. arguments, "--mixture", " sort = 0.75, add=0.25"]).Json;
        JsonElement alone = CommandLine.Run([.. arguments, "--mixture", "sort=1,add=0"]).Json;
        JsonElement shared = CommandLine.Run([.. arguments, "--shared"]).Json;

        Assert.Multiple(() =>
        {
            Assert.That(mixed.GetProperty("mixture").GetString(), Is.EqualTo("add=0.25,sort=0.75"));
            Assert.That(mixed.TryGetProperty("expert", out _), Is.False);
            Assert.That(
                mixed.GetProperty("text").GetString() + "\n",
                Is.EqualTo(CommandLine.Run("generate", exported, "--prompt", "sort planet=", "--max-tokens", "8", "-q").Output));
            Assert.That(alone.GetProperty("expert").GetString(), Is.EqualTo("sort"));
            Assert.That(alone.GetProperty("text").GetString(), Is.EqualTo("aelnpt"));
            Assert.That(shared.GetProperty("mixture").GetString(), Is.EqualTo("shared"));
        });
    }

    [Test]
    public void Mixtures_that_are_none_are_named()
    {
        string pack = TinyExperts.Pack(_folder);
        string[] arguments = ["generate", pack, "--prompt", "x"];

        Mistakes.AssertMistake(
            CommandLine.Run([.. arguments, "--mixture", "sum=1"]), ExitCode.BadInput, pack, "there is no expert 'sum'", "'add', 'cipher'");
        Mistakes.AssertMistake(
            CommandLine.Run([.. arguments, "--mixture", "add=x"]), ExitCode.BadInput, "'add' has the weight 'x', which is no number");
        Mistakes.AssertMistake(
            CommandLine.Run([.. arguments, "--mixture", "add=1", "--expert", "add"]),
            ExitCode.Usage, "--mixture: --expert has chosen already; give one of --expert, --mixture, --shared and --route");
        Mistakes.AssertMistake(
            Generate("add", "x", "--mixture", "add=1"), ExitCode.BadInput, "is a plain model without experts", "'add=1'");
        Mistakes.AssertMistake(Generate("add", "x", "--shared"), ExitCode.BadInput, "is a plain model", "leave out --shared");
    }

    [Test]
    public void A_chat_template_writes_the_prompt()
    {
        string model = TinyExperts.Copy("add", _folder["chat"]);
        File.WriteAllText(
            Path.Combine(model, "chat_template.jinja"),
            "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
            + "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}");

        string[] chat = ["generate", model, "--prompt", "hi", "--max-tokens", "1", "--json", "--chat"];
        string user = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n";

        // A token is a byte.
        Assert.That(CommandLine.Run(chat).Json.GetProperty("prompt_tokens").GetInt32(), Is.EqualTo(user.Length));
        Mistakes.AssertMistake(
            CommandLine.Run([.. chat, "--system", "be"]),
            ExitCode.BadInput,
            $"{"<|im_start|>system\nbe<|im_end|>\n".Length + user.Length} tokens is longer than the model's context of 64");
    }

    [Test]
    [Platform("Linux", Reason = "sends signals by Linux's numbers")]
    public void Ctrl_C_ends_it_with_the_text_so_far()
    {
        string model = TinyExperts.Copy("add", _folder["long"]);
        TinyExperts.Edit(model, "config.json", config => config["max_position_embeddings"] = 1_000_000);
        string[] arguments = ["generate", model, "--prompt", Sum, "--ignore-eos", "--max-tokens", "1000000"];
        using RunningCommand command = CommandLine.StartInShell($"exec \"$@\" > '{_folder["text"]}'", arguments);
        command.WaitUntil(() => File.Exists(_folder["text"]) && new FileInfo(_folder["text"]).Length >= 5);

        command.Signal(RunningCommand.Interrupt);

        Outcome outcome = command.Wait();
        Assert.That((outcome.ExitCode, outcome.Error), Is.EqualTo((ExitCode.Interrupted, "interrupted\n")));
        Assert.That(File.ReadAllText(_folder["text"]), Does.StartWith("125").And.EndsWith("\n"));
    }

    [Test]
    [Platform("Linux", Reason = "needs bash")]
    public void A_reader_that_goes_away_is_no_bug()
    {
        string[] arguments = ["generate", TinyExperts.PathOf("add"), "--prompt", Sum, "--ignore-eos", "--quiet"];
        using RunningCommand command = CommandLine.StartInShell("set -o pipefail; \"$@\" | head -c 2", arguments);

        Outcome outcome = command.Wait();

        Assert.That((outcome.ExitCode, outcome.Output, outcome.Error), Is.EqualTo((ExitCode.Ok, "12", "")));
    }

    private static Outcome Generate(string model, string prompt, params string[] options) =>
        CommandLine.Run(["generate", TinyExperts.PathOf(model), "--prompt", prompt, .. options]);
}
