using Interfuse.Merging.Methods;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Tests.Recipes;

/// <summary>The grammar of <c>search</c> and <c>evaluate</c>.</summary>
public sealed class SearchRecipeTests
{
    private const string Soup = """
        merge_method: greedy_soup
        models: [{model: ./a}, {model: ./b}]

        """;

    private const string Linear = """
        merge_method: linear
        models: [{model: ./a}, {model: ./b}]

        """;

    private const string Tasks = "\nevaluate: {tasks: t.jsonl}";

    private static IEnumerable<TestCaseData> Mistakes() =>
    [
        Case("A soup without evaluation", Soup, 1, "greedy_soup", "evaluate: {tasks"),
        Case("A search without evaluation", Linear + "search: {strategy: grid, parameters: {weight: [1]}}", 3, "'search'"),
        Case("An evaluation without search", Linear + "evaluate: {tasks: t.jsonl}", 3, "'evaluate' has no effect", "linear"),
        Case("A search of a soup", Soup + "search: {strategy: grid, parameters: {weight: [1]}}" + Tasks, 3, "weight"),
        Case("A soup of slices", "merge_method: greedy_soup\nslices:\n- sources: [{model: ./a, layer_range: [0, 1]}, "
            + "{model: ./b, layer_range: [0, 1]}]" + Tasks, 3, "whole models"),
        Case("A soup of one", "merge_method: greedy_soup\nmodels: [{model: ./a}]" + Tasks, 2, "at least 2 models"),
        Case("Weights of a soup", "merge_method: greedy_soup\nmodels: [{model: ./a, parameters: {weight: 1}}, "
            + "{model: ./b}]" + Tasks, 2, "no parameter 'weight'"),
        Case("An evaluation that is a word", Soup + "evaluate: t.jsonl", 3, "'t.jsonl'", "tasks:"),
        Case("An evaluation of nothing", Soup + "evaluate: {limit: 5}", 3, "neither 'tasks' nor 'command'"),
        Case("Tasks and a command", Soup + "evaluate: {tasks: t, command: 'x {model}'}", 3, "both"),
        Case("An unknown key of evaluate", Soup + "evaluate:\n  taks: t", 4, "'taks'", "did you mean 'tasks'?"),
        Case("No tasks", Soup + "evaluate: {tasks: []}", 3, "'tasks' is empty"),
        Case("A task that is a mapping", Soup + "evaluate: {tasks: [{a: b}]}", 3, "a mapping"),
        Case("A limit of none", Soup + "evaluate:\n  tasks: t\n  limit: 0", 5, "'limit' is '0'", "from 1"),
        Case("A limit of a command", Soup + "evaluate:\n  command: x {model}\n  limit: 5", 5, "'limit' has no effect"),
        Case("A timeout of tasks", Soup + "evaluate:\n  tasks: t\n  timeout: 5", 5, "'timeout' has no effect"),
        Case("A command without model", Soup + "evaluate: {command: python3 score.py}", 3, "{model}"),
        Case("A command of nothing", Soup + "evaluate: {command: []}", 3, "names no program"),
        Case("A command with an open quote", Soup + "evaluate: {command: \"x 'a {model}\"}", 3, "not closed"),
        Case("A timeout in words", Soup + "evaluate:\n  command: x {model}\n  timeout: 5m", 5, "'5m'"),
        Case("A search that is a list", Linear + "search: []" + Tasks, 3, "an empty list"),
        Case("A search of nothing", Linear + "search: {strategy: grid}" + Tasks, 3, "nothing to search for"),
        Case("No strategy", Linear + "search: {parameters: {weight: [1]}}" + Tasks, 3, "no 'strategy'"),
        Case("A misspelled strategy", Linear + "search: {strategy: gird}" + Tasks, 3, "did you mean 'grid'?"),
        Case("An unknown key of search", Search("  budget: 5"), 5, "'budget'", "evaluations"),
        Case("A parameter beside strategy", Search("  weight: [1]"), 5, "'weight' is a parameter"),
        Case("An unknown parameter", Search("  parameters: {wieght: [1]}"), 5, "did you mean 'weight'?"),
        Case("A value out of range", Ties("  parameters: {density: [0.5, 1.5]}"), 6, "'1.5'", "from 0 to 1"),
        Case("A bound out of range", Ties("  parameters: {density: {min: 0, max: 2, step: 1}}"), 6, "'2'"),
        Case("One value without a list", Search("  parameters: {weight: 0.5}"), 5, "'0.5'", "[0.5, 1]"),
        Case("No values", Search("  parameters: {weight: []}"), 5, "an empty list"),
        Case("Bounds the wrong way", Search("  parameters: {weight: {min: 1, max: 0, step: 1}}"), 5, "not below"),
        Case("A missing bound", Search("  parameters: {weight: {min: 1, step: 1}}"), 5, "no 'max'"),
        Case("A step of zero", Search("  parameters: {weight: {min: 0, max: 1, step: 0}}"), 5, "above 0"),
        Case("Too small a step", Search("  parameters: {weight: {min: 0, max: 1, step: 1e-8}}"), 5, "more than 10000"),
        Case("A grid without steps", Search("  parameters: {weight: {min: 0, max: 1}}"), 5, "without a step"),
        Case("Bounds of a flag", Search("  parameters: {normalize: {min: 0, max: 1, step: 1}}"), 5, "is no number"),
        Case("An unknown key of bounds", Search("  parameters: {weight: {min: 0, max: 1, steps: 1}}"), 5, "'steps'"),
        Case("Evolution without end", Linear + "search: {strategy: evolution, parameters: {weight: [1, 2]}}" + Tasks, 3,
            "evaluations: 50"),
        Case("A negative seed", Search("  seed: -1\n  parameters: {weight: [1]}"), 5, "'seed' is '-1'"),
        Case("Models as a mapping", Search("  models: {model: ./a}"), 5, "expected a list"),
        Case("A model without parameters", Search("  models: [{model: ./a}]"), 5, "'parameters' is missing"),
        Case("A model of another recipe", Search("  models: [{model: ./c, parameters: {weight: [1]}}]"), 5, "./c"),
        Case("A parameter of the merge under a model", Search("  models: [{model: ./a, parameters: {normalize: [true]}}]"),
            5, "one value for the whole merge"),
        Case("A model twice", Search("  models:\n  - {model: ./a, parameters: {weight: [1]}}\n"
            + "  - {model: a/, parameters: {weight: [2]}}"), 7, "twice"),
        Case("A value for all where each has its own", "merge_method: linear\nmodels:\n- {model: ./a, parameters: "
            + "{weight: 1}}\n- {model: ./b, parameters: {weight: 1}}\nsearch:\n  strategy: grid\n"
            + "  parameters: {weight: [1]}" + Tasks, 7, "has no effect"),
        Case("The base model's", Ties("  models: [{model: ./base, parameters: {weight: [1]}}]")
            .Replace("[{model: ./a},", "[{model: ./base}, {model: ./a},", StringComparison.Ordinal), 6, "base model"),
    ];

    [TestCaseSource(nameof(Mistakes))]
    public void A_mistake_is_named_with_its_line(string yaml, int line, string[] fragments)
    {
        RecipeException error = Assert.Throws<RecipeException>(() => Parse(yaml))!;

        Assert.That(error.Line, Is.EqualTo(line), error.Message);
        foreach (string fragment in fragments)
        {
            Assert.That(error.Message, Does.Contain(fragment));
        }
    }

    [TestCase("python3 score.py --model={model} -n 5", "python3", "score.py", "--model={model}", "-n", "5")]
    [TestCase("'my program' \"{model}\" ''", "my program", "{model}", "")]
    [TestCase("a \"it's\" {model}", "a", "it's", "{model}")]
    public void A_command_in_one_line_is_split_at_blanks_outside_quotes(string command, params string[] words)
    {
        Recipe recipe = Parse(Soup + $"evaluate:\n  command: >-\n    {command}\n");

        Assert.That(recipe.Evaluation!.Command, Is.EqualTo(words));
    }

    [Test]
    public void Steps_are_counted_in_decimals()
    {
        Recipe recipe = Parse(Search("  parameters: {weight: {min: 0.1, max: 0.7, step: 0.2}}"));

        Assert.That(
            recipe.Search!.Dimensions[0].Values.SelectMany(value => value.AllValues()),
            Is.EqualTo(new[] { 0.1, 0.3, 0.5, 0.7 }));
    }

    [Test]
    public void What_is_not_said_has_its_default()
    {
        Recipe recipe = Parse(Search("  parameters: {weight: [1]}"));

        Assert.That(recipe.Search!.Evaluations, Is.EqualTo(100));
        Assert.That(recipe.Search.Seed, Is.Zero);
        Assert.That(recipe.Evaluation!.Limit, Is.Null);
        Assert.That(recipe.Evaluation.Timeout, Is.EqualTo(TimeSpan.FromHours(1)));
    }

    [TestCase(Soup + "evaluate: {tasks: [a.jsonl, b.jsonl], max_tokens: 5, limit: 7}")]
    [TestCase(Soup + "evaluate: {command: ['my program', '{model}', ''], timeout: 5}")]
    [TestCase(Linear + """
        search:
          strategy: evolution
          evaluations: 9
          seed: 18446744073709551615
          parameters: {weight: [0.5, [0, 1], [{filter: mlp, value: 1}, {value: 2}]], normalize: [true, false]}
          models:
            - {model: ./a, parameters: {weight: {min: -1, max: 1}}}
        evaluate: {tasks: t.jsonl}
        """)]
    [TestCase(Linear + """
        search: {strategy: grid, models: [{model: ./b, parameters: {weight: {min: 0, max: 1, step: 0.1}}}]}
        evaluate: {tasks: t.jsonl}
        """)]
    public void Written_and_read_again_it_is_the_same(string yaml)
    {
        string written = Parse(yaml).ToYaml();

        Assert.That(Parse(written).ToYaml(), Is.EqualTo(written));
        Assert.That(written, Does.Contain("evaluate:"));
        foreach (string word in new[] { "a.jsonl", "'my program'", "max_tokens: 5", "step: 0.1", "filter: mlp" })
        {
            Assert.That(written.Contains(word.Trim('\''), StringComparison.Ordinal), Is.EqualTo(yaml.Contains(word)), written);
        }
    }

    private static Recipe Parse(string yaml) => Recipe.Parse(yaml, "r.yml", MergeMethods.Signatures);

    // The addition begins in line 5.
    private static string Search(string addition) => Linear + "search:\n  strategy: grid\n" + addition + Tasks;

    // The addition begins in line 6.
    private static string Ties(string addition) =>
        "merge_method: ties\nbase_model: ./base\nmodels: [{model: ./a}, {model: ./b}]\nsearch:\n  strategy: grid\n"
            + addition + Tasks;

    private static TestCaseData Case(string name, string yaml, int line, params string[] fragments) =>
        new TestCaseData(yaml, line, fragments).SetName(name);
}
