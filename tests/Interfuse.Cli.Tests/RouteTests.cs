using System.Text.Json;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>Routers on the command line: <c>route train</c>, <c>route show</c>, and <c>--route</c>.</summary>
public sealed class RouteTests
{
    private TempFolder _folder = null!;
    private string _bare = null!;
    private string _pack = null!;
    private Outcome _trained = null!;

    [OneTimeSetUp]
    public void Train()
    {
        _folder = new TempFolder();
        _bare = TinyExperts.Pack(_folder);
        _pack = Copy("routed");
        _trained = CommandLine.Run("route", "train", _pack, "--calibration", TinyExperts.PathOf("calibration"));
    }

    [OneTimeTearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Training_tells_how_the_router_does_on_prompts_that_were_kept_back()
    {
        Assert.That(_trained.ExitCode, Is.EqualTo(ExitCode.Ok), _trained.Error);
        Assert.That(_trained.Output, Does.Match(
            $"""
            ^Router of {_pack}
              features     the shared model's hidden state after 2 of 4 layers
              prompts      960 trained on, 240 held out
              accuracy     100\.00 % of those held out
              temperature  0\.\d+
              calibration  expected error \d\.\d\d % before the temperature, 0\.\d\d % after
              uncertainty  sure below 0\.1, lost above 0\.75, mixed to a probability of 0\.9
              time         [\d.]+ s on CPU .*

            Held out: whose prompts \(rows\) were taken for whose \(columns\)
                           add   cipher  reverse     sort
              add           60        0        0        0
              cipher         0       60        0        0
              reverse        0        0       60        0
              sort           0        0        0       60
            $
            """));
        Assert.That(CommandLine.Run("verify", _pack).ExitCode, Is.EqualTo(ExitCode.Ok));
        Assert.That(
            CommandLine.Run("inspect", _pack).Output,
            Does.Contain("router        by the hidden state after 2 layers, right for 100.00 % of 240 prompts held out\n")
                .And.Contain("router.safetensors"));
    }

    [Test]
    public void Json_has_everything_and_options_count()
    {
        string pack = Copy("options");

        Outcome outcome = CommandLine.Run(
            "route", "train", pack, "--calibration", TinyExperts.PathOf("calibration"), "--depth", "0", "--held-out", "0.5", "--seed", "3",
            "--low", "0.2", "--high", "0.9", "--mass", "0.8", "--threads", "1", "--json");

        Assert.That((outcome.ExitCode, outcome.Error), Is.EqualTo((ExitCode.Ok, "")));
        JsonElement json = outcome.Json;
        Assert.Multiple(() =>
        {
            Assert.That(json.GetProperty("depth").GetInt32(), Is.Zero);
            Assert.That(json.GetProperty("held_out_prompts").GetInt32(), Is.EqualTo(600));
            Assert.That(json.GetProperty("accuracy").GetDouble(), Is.GreaterThan(0.98));
            Assert.That(json.GetProperty("low").GetDouble(), Is.EqualTo(0.2));
            Assert.That(json.GetProperty("high").GetDouble(), Is.EqualTo(0.9));
            Assert.That(json.GetProperty("mass").GetDouble(), Is.EqualTo(0.8));
            Assert.That(json.GetProperty("converged").GetBoolean());
            Assert.That(
                json.GetProperty("confusion").EnumerateArray().Sum(row => row.EnumerateArray().Sum(count => count.GetInt32())),
                Is.EqualTo(600));
            Assert.That(
                json.GetProperty("calibration_error_after").GetDouble(),
                Is.LessThan(json.GetProperty("calibration_error_before").GetDouble()));
        });
    }

    [Test]
    public void A_prompt_is_shown_with_what_each_policy_makes_of_it()
    {
        Outcome outcome = CommandLine.Run("route", "show", _pack, "--prompt", "sort planet=");

        Assert.That(outcome.Output, Does.Match(
            """
            ^sort planet=
              add                  0\.\d\d %
              cipher               0\.\d\d %
              reverse              0\.\d\d %
              sort                 99\.\d\d %
              uncertainty          0\.0\d\d
              distance             0\.\d\d of how far the experts' prompts reach
              --route classifier   sort: 99\.\d % likely, uncertainty 0\.0\d
              --route mixture      .* 99\.\d % sort: uncertainty 0\.0\d
              --route uncertainty  sort: 99\.\d % likely, uncertainty 0\.0\d
            $
            """), outcome.Error);
        JsonElement routes = CommandLine.RunWithInput(
            "nobody sells the moon.\n", "route", "show", _pack, "--prompt", "-", "--json").Json.GetProperty("routes");
        Assert.That(
            routes.EnumerateArray().Select(route => route.GetProperty("policy").GetString()),
            Is.EqualTo(["classifier", "mixture", "uncertainty"]));
        Assert.That(routes[2].GetProperty("outcome").GetString(), Is.EqualTo("far"));
        Assert.That(routes[2].GetProperty("distance").GetDouble(), Is.GreaterThan(1));
    }

    [TestCase("classifier")]
    [TestCase("mixture")]
    [TestCase("uncertainty")]
    public void An_answer_comes_from_whom_the_router_chose_and_says_so(string policy)
    {
        Outcome outcome = CommandLine.Run("generate", _pack, "--route", policy, "--prompt", "reverse planet=");

        Assert.That(outcome.Output, Is.EqualTo("tenalp\n"), outcome.Error);
        Assert.That(outcome.ErrorLines[0], Does.Match(@"^routed to .*99\.\d % "));
        JsonElement json = CommandLine.Run("generate", _pack, "--route", policy, "--prompt", "sort planet=", "--json").Json;
        Assert.That(json.GetProperty("text").GetString(), Is.EqualTo("aelnpt"));
        JsonElement route = json.GetProperty("route");
        Assert.That(route.GetProperty("policy").GetString(), Is.EqualTo(policy));
        Assert.That(route.GetProperty("probabilities").GetProperty("sort").GetDouble(), Is.GreaterThan(0.9));
        Assert.That(
            json.TryGetProperty("expert", out JsonElement expert) ? expert.GetString() : null,
            Is.EqualTo(policy == "mixture" ? null : "sort"));
    }

    [Test]
    public void Evaluation_tells_who_answered_what()
    {
        string samples = _folder["samples.jsonl"];
        string strangers = _folder.Write("strangers.jsonl", string.Concat(
            File.ReadLines(Path.Combine(TinyExperts.PathOf("unrelated"), "skills.jsonl")).Take(10).Select(line => line + "\n")));
        string[] arguments =
        [
            "eval", _pack, TinyExperts.PathOf("add"), "--route", "classifier", "uncertainty",
            "--task", TinyExperts.TaskPath("sort"), strangers, "--limit", "10", "--max-tokens", "12",
        ];

        Outcome outcome = CommandLine.Run([.. arguments, "--samples", samples]);

        Assert.That(outcome.Output, Does.Match(@"(?m)^routed:classifier  +\d+\.0 %"), outcome.Error);
        Assert.That(outcome.Output, Does.Contain("Answered, routed:classifier\n  sort       10 by sort\n"));
        Assert.That(outcome.Output, Does.Match(@"Answered, routed:uncertainty\n  sort       10 by sort\n  strangers  \d+ by shared \(far\)"));
        Assert.That(outcome.Output, Does.Not.Contain("Answered, add"));
        JsonElement[] lines = [.. File.ReadLines(samples).Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.That(lines[0].GetProperty("expert").GetString(), Is.EqualTo("sort"));
        Assert.That(lines.Skip(20).Take(20).Select(line => line.GetProperty("mixture").GetString()), Has.Some.EqualTo("shared"));
        JsonElement[] models = [.. CommandLine.Run([.. arguments, "--json"]).Json.GetProperty("models").EnumerateArray()];
        Assert.That(models[1].GetProperty("route").GetString(), Is.EqualTo("uncertainty"));
        Assert.That(models[1].GetProperty("answered")[0].GetProperty("sort").GetInt32(), Is.EqualTo(10));
        Assert.That(models[2].TryGetProperty("answered", out _), Is.False);
    }

    [Test]
    public void A_pack_without_a_router_says_how_to_get_one_and_answers_as_before()
    {
        string[][] commands =
        [
            ["generate", _bare, "--route", "classifier", "--prompt", "a"],
            ["eval", _bare, "--route", "classifier", "--task", TinyExperts.TaskPath("add")],
            ["route", "show", _bare, "--prompt", "a"],
        ];
        foreach (string[] command in commands)
        {
            Mistakes.AssertMistake(CommandLine.Run(command), ExitCode.BadInput, "has no router", "interfuse route train");
        }

        Assert.That(CommandLine.Run("generate", _bare, "--expert", "add", "--prompt", "add 58+67=", "-q").Output, Is.EqualTo("125\n"));
    }

    [Test]
    public void A_plain_model_has_nothing_to_route()
    {
        string model = TinyExperts.PathOf("add");
        Mistakes.AssertMistake(CommandLine.Run("generate", model, "--route", "mixture", "--prompt", "a"), ExitCode.BadInput, "plain model");
        Mistakes.AssertMistake(
            CommandLine.Run("eval", model, "--route", "mixture", "--task", TinyExperts.TaskPath("add")), ExitCode.BadInput, "plain model");
        Mistakes.AssertMistake(
            CommandLine.Run("route", "train", model, "--calibration", TinyExperts.PathOf("calibration")), ExitCode.BadInput, "no pack.json");
    }

    [Test]
    public void A_router_of_another_pack_is_refused()
    {
        string other = Copy("other");
        TinyExperts.Edit(other, "tokenizer_config.json", config => config["clean_up_tokenization_spaces"] = true);
        File.Copy(Path.Combine(_pack, "router.safetensors"), Path.Combine(other, "router.safetensors"));
        Experts.Tests.PackBuilder.Seal(other, Experts.PackManifest.Read(Path.Combine(other, "pack.json")));

        Mistakes.AssertMistake(
            CommandLine.Run("generate", other, "--route", "classifier", "--prompt", "a"), ExitCode.BadInput, "trained for another pack");
    }

    [Test]
    public void A_flipped_bit_in_the_router_is_noticed()
    {
        string broken = Copy("broken", _pack);
        string router = Path.Combine(broken, "router.safetensors");
        byte[] bytes = File.ReadAllBytes(router);
        bytes[^5] ^= 1;
        File.WriteAllBytes(router, bytes);

        Mistakes.AssertMistake(CommandLine.Run("verify", broken), ExitCode.BadInput, "router.safetensors: has the SHA-256");
        Mistakes.AssertMistake(
            CommandLine.Run("generate", broken, "--route", "classifier", "--prompt", "a"), ExitCode.BadInput, "train the router again");
    }

    [Test]
    public void Calibration_prompts_that_are_missing_or_bad_are_named_and_the_pack_stays_as_it_was()
    {
        string pack = Copy("mistakes");
        Dictionary<string, string> before = SmallModels.Hashes(pack);
        string directory = _folder["calibration"];
        Directory.CreateDirectory(directory);
        void Refused(params string[] fragments) => Mistakes.AssertMistake(
            CommandLine.Run("route", "train", pack, "--calibration", directory), ExitCode.BadInput, fragments);

        Refused("has no add.jsonl", "'cipher.jsonl'");
        foreach (string task in TinyExperts.Tasks)
        {
            File.WriteAllLines(
                Path.Combine(directory, task + ".jsonl"),
                File.ReadLines(Path.Combine(TinyExperts.PathOf("calibration"), task + ".jsonl")).Take(10));
        }

        File.WriteAllText(Path.Combine(directory, "spell.jsonl"), """{"prompt": "a"}""");
        Refused("has spell.jsonl", "no expert of that name");
        File.Delete(Path.Combine(directory, "spell.jsonl"));
        File.WriteAllText(Path.Combine(directory, "sort.jsonl"), "{\"prompt\": \"sort a=\"}\n{\"prompt\": \"\"}\n");
        Refused("sort.jsonl: line 2", "empty \"prompt\"");
        File.WriteAllText(Path.Combine(directory, "sort.jsonl"), """{"prompt": "sort a="}""");
        Refused("'sort' has 1 prompts", "give more prompts");
        Mistakes.AssertMistake(
            CommandLine.Run("route", "train", pack, "--calibration", TinyExperts.PathOf("calibration"), "--depth", "5"),
            ExitCode.BadInput, "has 4 layers", "--depth is 0 to 4");
        Mistakes.AssertMistake(
            CommandLine.Run("route", "train", pack, "--calibration", _folder["nowhere"]), ExitCode.BadInput, "no such directory");

        string[] train = ["route", "train", pack, "--calibration", directory];
        Mistakes.AssertMistake(CommandLine.Run([.. train, "--low", "0.9"]), ExitCode.BadInput, "--low, --high and --mass: the high mark is 0.75");
        Mistakes.AssertMistake(CommandLine.Run([.. train, "--mass", "0"]), ExitCode.BadInput, "--low, --high and --mass: the mass is 0");

        Assert.That(SmallModels.Hashes(pack), Is.EqualTo(before));
    }

    [Test]
    public void One_expert_leaves_nothing_to_choose()
    {
        string recipe = _folder.Write(
            "one.yml",
            $$"""
            merge_method: channel_merging
            base_model: {{TinyExperts.PathOf("base")}}
            models:
            - model: {{TinyExperts.PathOf("add")}}
            """);
        string pack = _folder["one"];
        Outcome packed = CommandLine.Run("merge", recipe, pack, "--quiet");
        Assert.That(packed.ExitCode, Is.EqualTo(ExitCode.Ok), packed.Error);
        string directory = _folder["one-calibration"];
        Directory.CreateDirectory(directory);
        File.Copy(Path.Combine(TinyExperts.PathOf("calibration"), "add.jsonl"), Path.Combine(directory, "add.jsonl"));

        Mistakes.AssertMistake(
            CommandLine.Run("route", "train", pack, "--calibration", directory, "--depth", "0"), ExitCode.BadInput, "'add' only", "two experts");
    }

    private string Copy(string name) => Copy(name, _bare);

    private string Copy(string name, string source)
    {
        Directory.CreateDirectory(_folder[name]);
        foreach (string file in Directory.GetFiles(source))
        {
            File.Copy(file, Path.Combine(_folder[name], Path.GetFileName(file)));
        }

        return _folder[name];
    }
}
