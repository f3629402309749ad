using Interfuse.Merging.Recipes;
using Interfuse.Testing;

namespace Interfuse.Merging.Tests.Recipes;

public sealed class RecipeFileTests
{
    private const string Yaml = "merge_method: linear\nmodels: [{model: ./a}]\n";

    [Test]
    public void A_recipe_is_loaded_with_or_without_byte_order_mark()
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["mark.yml"], [0xEF, 0xBB, 0xBF, .. "merge_method: x"u8]);
        Recipe recipe = Recipe.Load(folder.Write("plain.yml", Yaml), TestMethods.All);

        Assert.That(recipe.Text, Is.EqualTo(Yaml));
        Assert.That(recipe.Path, Is.EqualTo(folder["plain.yml"]));
        Assert.That(recipe.Models[0].Location, Is.EqualTo(new SourceLocation(folder["plain.yml"], 2, 10)));
        Assert.That(Load(folder["mark.yml"]).Message, Does.Contain("mark.yml:1:15: unknown merge method"));
    }

    [Test]
    public void A_missing_file_is_named()
    {
        using var folder = new TempFolder();

        Assert.That(Load(folder["no.yml"]).Message, Does.StartWith($"{folder["no.yml"]}: there is no such file"));
        Assert.That(Load(folder["no", "r.yml"]).Reason, Does.StartWith("there is no such file"));
    }

    [Test]
    public void A_folder_is_no_recipe()
    {
        using var folder = new TempFolder();

        Assert.That(Load(folder.Path).Reason, Does.Contain("a folder"));
    }

    [Test]
    public void A_file_larger_than_a_mebibyte_is_refused()
    {
        using var folder = new TempFolder();
        string path = folder.Write("large.yml", Yaml + new string('#', 1 << 20));

        Assert.That(Load(path).Reason, Does.Contain("larger than 1 MiB"));
    }

    [Test]
    public void A_byte_that_is_not_UTF8_is_refused_at_its_place()
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["latin.yml"], [.. "# ä\nmerge: "u8, 0xE4, .. "x"u8]);

        RecipeException error = Load(folder["latin.yml"]);

        Assert.That((error.Line, error.Column), Is.EqualTo((2, 8)));
        Assert.That(error.Reason, Does.Contain("0xE4").And.Contain("UTF-8"));
    }

    [Test]
    public void UTF16_is_refused_by_name()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["wide.yml"], Yaml, System.Text.Encoding.Unicode);

        Assert.That(Load(folder["wide.yml"]).Reason, Does.Contain("UTF-16"));
    }

    [Test]
    public void A_relative_path_is_looked_for_beside_the_recipe_first()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["a"]);
        Recipe recipe = Recipe.Load(folder.Write("r.yml", Yaml), TestMethods.All);

        Assert.That(recipe.ResolvePath(recipe.Models[0].Model), Is.EqualTo(folder["a"]));
    }

    [Test]
    public void A_relative_path_is_looked_for_in_the_working_directory_next()
    {
        using var folder = new TempFolder();
        using var here = new TempFolder();
        string relative = Path.GetRelativePath(Environment.CurrentDirectory, here.Path);
        Recipe recipe = Recipe.With("linear").Model(relative).Build(TestMethods.All);
        string file = folder.Write(Path.Combine("deep", "deeper", "deepest", "r.yml"), recipe.Text);

        recipe = Recipe.Load(file, TestMethods.All);

        Assert.That(recipe.ResolvePath(recipe.Models[0].Model), Is.EqualTo(here.Path));
    }

    [Test]
    public void A_path_to_nothing_stays_beside_the_recipe()
    {
        using var folder = new TempFolder();
        Recipe recipe = Recipe.Load(folder.Write("r.yml", Yaml), TestMethods.All);

        Assert.That(recipe.ResolvePath(recipe.Models[0].Model), Is.EqualTo(folder["a"]));
    }

    [Test]
    public void An_absolute_path_stays()
    {
        using var folder = new TempFolder();
        Recipe recipe = Recipe.With("linear").Model(folder["x"]).Build(TestMethods.All);

        Assert.That(recipe.ResolvePath(recipe.Models[0].Model), Is.EqualTo(folder["x"]));
    }

    [Test]
    public void The_paths_of_a_recipe_are_all_that_is_read()
    {
        const string All = """
            merge_method: ties
            base_model: ./base
            models: [{model: ./a}, {model: ./b}]
            tokenizer_source: ./t
            search: {strategy: grid, parameters: {weight: [0.5, 1]}}
            evaluate: {tasks: [tasks/x.jsonl, tasks/y.jsonl]}
            """;
        Recipe recipe = Recipe.Parse(All, path: null, TestMethods.All);

        Assert.That(
            recipe.Paths.Select(path => path.Text),
            Is.EqualTo(new[] { "./base", "./a", "./b", "./t", "tasks/x.jsonl", "tasks/y.jsonl" }));
    }

    [Test]
    public void A_caller_may_say_where_paths_lead()
    {
        Recipe recipe = Recipe.Parse(Yaml, "elsewhere.yml", TestMethods.All).WithPaths(path => "/models/" + path.Text);

        Assert.That(recipe.ResolvePath(recipe.Models[0].Model), Is.EqualTo("/models/" + recipe.Models[0].Model.Text));
        Assert.That(recipe.Text, Is.EqualTo(Yaml));
    }

    private static RecipeException Load(string path) =>
        Assert.Throws<RecipeException>(() => Recipe.Load(path, TestMethods.All))!;
}
