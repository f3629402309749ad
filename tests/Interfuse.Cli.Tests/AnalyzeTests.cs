using System.Text.Json;
using System.Xml.Linq;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

public sealed class AnalyzeTests
{
    private static readonly string[] Experts = ["expert1", "expert2"];

    private TempFolder _folder = null!;
    private string _recipe = "";

    [SetUp]
    public void MakeModels()
    {
        _folder = new TempFolder();
        SmallModels.WriteThree(_folder);
        _recipe = _folder.Write("recipe.yml", SmallModels.Ties);
    }

    [TearDown]
    public void DeleteModels() => _folder.Dispose();

    [Test]
    public void Tables_show_modules_layers_and_the_curve()
    {
        Outcome outcome = CommandLine.Run("analyze", _recipe);

        Assert.That(outcome.Error, Is.Empty);
        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok));
        Assert.That(outcome.Output, Does.StartWith($"{_recipe}: 2 experts beside their base\n"));
        Assert.That(outcome.Output, Does.Match(@"(?m)^  module +parameters +cosine +conflict +expert1 +expert2$"));
        Assert.That(outcome.Output, Does.Match(@"(?m)^  up_proj +128 +[+-]0\.\d\d +\d+\.\d % +\d+\.\d+ % +\d+\.\d+ %$"));
        Assert.That(outcome.Output, Does.Match(@"(?m)^  K = 2 +100\.0 % +100\.0 % +100\.0 %$"));
        Assert.That(Directory.GetFileSystemEntries(_folder.Path), Has.Length.EqualTo(4), "nothing was written");
    }

    [Test]
    public void Json_has_every_tensor_and_point()
    {
        Outcome outcome = CommandLine.Run("analyze", _recipe, "--json", "--threads", "2");

        Assert.That(outcome.Error, Is.Empty);
        JsonElement json = outcome.Json;
        Assert.Multiple(() =>
        {
            Assert.That(
                json.GetProperty("experts").EnumerateArray().Select(name => name.GetString()),
                Is.EqualTo(Experts));
            Assert.That(json.GetProperty("tensors").GetArrayLength(), Is.EqualTo(4));
            Assert.That(json.GetProperty("layers").GetArrayLength(), Is.EqualTo(2));
            Assert.That(json.GetProperty("all").GetProperty("parameters").GetInt64(), Is.EqualTo(264));
            Assert.That(json.GetProperty("all").GetProperty("cosines")[0][0].GetDouble(), Is.EqualTo(1).Within(1e-12));
            Assert.That(json.GetProperty("curve").GetProperty("fixed")[1].GetProperty("energy").GetDouble(), Is.EqualTo(1));
            Assert.That(json.GetProperty("curve").GetProperty("ensemble_bytes").GetInt64(), Is.EqualTo(2 * 2 * 128));
        });
    }

    [Test]
    public void The_page_is_whole_and_needs_nothing_else()
    {
        string page = _folder["report.html"];
        _folder.Write("report.html", "an old one");
        Outcome outcome = CommandLine.Run("analyze", _recipe, "--report", page, "-q");

        Assert.That(outcome, Is.EqualTo(new Outcome(ExitCode.Ok, "", "")));
        string html = File.ReadAllText(page);
        XElement root = XDocument.Parse(html).Root!;
        Assert.That(root.Descendants("svg").Count(), Is.GreaterThanOrEqualTo(4));
        Assert.That(root.Descendants("svg").Select(svg => (string?)svg.Attribute("aria-label")), Is.All.Not.Empty);
        Assert.That(html, Does.Not.Match(@"https?:|\bsrc=|\bhref=|url\(|@import|<script"));
        Assert.That(html, Does.Not.Contain("NaN").And.Not.Contain("Infinity"));
        Assert.That(Directory.GetFiles(_folder.Path, "*.tmp"), Is.Empty);
    }

    [Test]
    public void Names_cannot_write_into_the_page()
    {
        string evil = _folder["<script>alert('1')&"];
        Directory.Move(_folder["expert2"], evil);
        _folder.Write("recipe.yml", SmallModels.Ties.Replace("./expert2", "\"./<script>alert('1')&\""));
        Outcome outcome = CommandLine.Run("analyze", _recipe, "--report", _folder["report.html"], "-q");

        Assert.That(outcome.Error, Is.Empty);
        string html = File.ReadAllText(_folder["report.html"]);
        Assert.That(html, Does.Not.Contain("<script>").And.Contain("&lt;script&gt;alert("));
        Assert.That(() => XDocument.Parse(html), Throws.Nothing);
    }

    [Test]
    public void A_recipe_without_a_base_is_refused()
    {
        _folder.Write("recipe.yml", SmallModels.Linear);
        Outcome outcome = CommandLine.Run("analyze", _recipe, "--report", _folder["report.html"]);

        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.BadInput));
        Assert.That(outcome.ErrorLines, Has.Length.EqualTo(1));
        Assert.That(outcome.Error, Does.StartWith($"error: {_recipe}:1:").And.Contain("base_model"));
        Assert.That(File.Exists(_folder["report.html"]), Is.False);
    }

    [Test]
    public void A_place_where_no_report_can_be_is_refused_at_once()
    {
        Outcome outcome = CommandLine.Run("analyze", _recipe, "--report", _folder["no", "report.html"]);
        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.BadInput));
        Assert.That(outcome.Error, Does.Contain("there is no folder"));
        Assert.That(
            CommandLine.Run("analyze", _recipe, "--report", _folder.Path).Error, Does.Contain("is a folder"));
    }
}
