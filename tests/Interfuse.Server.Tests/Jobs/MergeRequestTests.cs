using Interfuse.Server.Jobs;
using Interfuse.Testing;

namespace Interfuse.Server.Tests.Jobs;

/// <summary>What is refused before there is a job, and how that is said.</summary>
public sealed class MergeRequestTests
{
    private const string Linear = "merge_method: linear\nmodels: [{model: add, parameters: {weight: 1}}]\n";

    private TempFolder _folder = null!;
    private JobsHost _host = null!;

    [SetUp]
    public async Task StartHost()
    {
        _folder = new TempFolder();
        foreach (string name in new[] { "base", "add", "sort" })
        {
            Directory.CreateDirectory(_folder["models", name]);
            foreach (string file in Directory.GetFiles(Path.Combine(JobModels.Tiny, name)))
            {
                File.Copy(file, _folder["models", name, Path.GetFileName(file)]);
            }
        }

        _folder.Write("models/tasks/add.jsonl", File.ReadAllText(Path.Combine(JobModels.Tiny, "tasks", "add.jsonl")));
        _folder.Write("secret/config.json", "{}");
        _folder.Write("secret/task.jsonl", "{}");
        Directory.CreateSymbolicLink(_folder["models", "link"], _folder["secret"]);
        _host = await JobsHost.StartAsync(_folder, configure: options => options.MaxQueued = 2);
    }

    [TearDown]
    public async Task StopHost()
    {
        await _host.DisposeAsync();
        _folder.Dispose();
    }

    [TestCase("merge_method: lineaar\nmodels: [{model: add}]", 1, 15, "unknown merge method")]
    [TestCase("merge_method: linear\nmodels: [{model: add}]", 2, 0, "weight")]
    [TestCase("merge_method: linear\nmodels: [", 3, 1, "not YAML")]
    [TestCase("", 0, 0, "the recipe")]
    [TestCase("merge_method: slerp\nmodels: [{model: add}]", 0, 0, "base_model")]
    public void A_recipe_at_fault_is_refused_with_its_place(string yaml, int line, int column, string told)
    {
        MergeJobException refused = Refuse(yaml);

        Assert.That(refused.Parameter, Is.EqualTo("recipe"));
        Assert.That(refused.Message, Does.Contain(told));
        Assert.That(line == 0 || refused.Line == line, refused.Message);
        Assert.That(column == 0 || refused.Column == column, refused.Message);
        Assert.That(refused.Line is null || refused.Message.StartsWith($"line {refused.Line}, column {refused.Column}: "));
    }

    [TestCase("../secret")]
    [TestCase("add/../../secret")]
    [TestCase("./../secret")]
    [TestCase("link")]
    [TestCase("/etc")]
    [TestCase("/proc/self")]
    [TestCase("absent")]
    [TestCase("add/config.json")]
    [TestCase("..\\\\secret")]
    public void A_path_that_leads_out_is_refused_wherever_it_stands(string path)
    {
        string quoted = $"\"{path}\"";
        (string Yaml, int Line)[] recipes =
        [
            ($"merge_method: linear\nmodels: [{{model: {quoted}, parameters: {{weight: 1}}}}]\n", 2),
            ($"merge_method: slerp\nbase_model: {quoted}\nmodels: [{{model: add}}]\nparameters: {{t: 0.5}}\n", 2),
            ($"{Linear}base_model: {quoted}\n", 3),
            ($"{Linear}tokenizer_source: {quoted}\n", 3),
            ($"merge_method: passthrough\nslices:\n- sources: [{{model: {quoted}, layer_range: [0, 1]}}]\n", 3),
            ($"merge_method: channel_merging\nbase_model: base\nmodels: [{{model: add}}, {{model: {quoted}}}]\n"
                + "parameters: {groups: 1}\n", 3),
            ($"merge_method: greedy_soup\nmodels: [{{model: add}}, {{model: sort}}]\nevaluate: {{tasks: [{quoted}]}}\n", 3),
        ];
        foreach ((string yaml, int line) in recipes.Where(recipe => path != "add/config.json" || !recipe.Yaml.Contains("tasks")))
        {
            MergeJobException refused = Refuse(yaml);

            Assert.That(refused.Line, Is.EqualTo(line), refused.Message);
            Assert.That(refused.Message, Does.Not.Contain("secret").And.Not.Contain(_folder.Path).And.Not.Contain("/etc"));
        }
    }

    [Test]
    public void A_recipe_runs_no_program()
    {
        MergeJobException refused = Refuse(
            "merge_method: greedy_soup\nmodels: [{model: add}, {model: sort}]\n"
                + $"evaluate:\n  command: [touch, {_folder["ran"]}, \"{{model}}\"]\n");

        Assert.That(refused.Message, Does.Contain("runs no programs"));
        Assert.That(refused.Line, Is.EqualTo(3));
        Assert.That(_folder["ran"], Does.Not.Exist);
    }

    [Test]
    public void Models_that_are_unsound_or_do_not_fit_are_refused_without_their_place()
    {
        _folder.Write("models/broken/model.safetensors", "xxxxxxxxxxxxxxxx");

        MergeJobException refused = Refuse(Linear.Replace("add", "broken"));

        Assert.That(refused.Message, Does.StartWith("broken/model.safetensors").And.Not.Contain(_folder.Path));
    }

    [TestCase("")]
    [TestCase(".")]
    [TestCase("..")]
    [TestCase(".hidden")]
    [TestCase("a/b")]
    [TestCase("../a")]
    [TestCase("/a")]
    [TestCase("a\\b")]
    [TestCase("a b")]
    [TestCase("a\n")]
    [TestCase("a\0")]
    [TestCase("a.partial")]
    [TestCase("-a")]
    [TestCase("ä")]
    public void An_output_is_one_plain_name(string output)
    {
        var refused = Assert.Throws<MergeJobException>(() => _host.Jobs.Submit(new MergeRequest(Linear, output)));

        Assert.That(refused.Fault, Is.EqualTo(MergeJobFault.BadRequest));
        Assert.That(refused.Parameter, Is.EqualTo("output"));
        Assert.That(
            () => _host.Jobs.Submit(new MergeRequest(Linear, new string('a', 101))), Throws.TypeOf<MergeJobException>());
    }

    [Test]
    public async Task An_output_that_is_taken_is_refused()
    {
        _folder.Write("outputs/full/model.safetensors", "x");
        Directory.CreateDirectory(_folder["outputs", "empty"]);
        _folder.Write("outputs/file", "x");
        Directory.CreateDirectory(_folder["outputs", "begun.partial"]);
        Directory.CreateSymbolicLink(_folder["outputs", "dangling"], _folder["nowhere"]);
        foreach (string name in new[] { "full", "empty", "file", "begun", "dangling" })
        {
            AssertConflict(name);
        }

        MergeJob first = _host.Jobs.Submit(new MergeRequest(JobModels.Endless, "first"));
        await _host.Until(first, job => job.State == MergeJobState.Running);
        _host.Jobs.Submit(new MergeRequest(Linear, "second"));
        AssertConflict("first");
        AssertConflict("second");
    }

    [Test]
    public async Task A_full_queue_says_when_to_come_back()
    {
        MergeJob first = _host.Jobs.Submit(new MergeRequest(JobModels.Endless, "first"));
        await _host.Until(first, job => job.State == MergeJobState.Running);
        _host.Jobs.Submit(new MergeRequest(Linear, "second"));
        _host.Jobs.Submit(new MergeRequest(Linear, "third"));

        var refused = Assert.Throws<MergeJobException>(() => _host.Jobs.Submit(new MergeRequest(Linear, "fourth")));

        Assert.That(refused.Fault, Is.EqualTo(MergeJobFault.Busy));
        Assert.That(refused.RetryAfter, Is.GreaterThan(TimeSpan.Zero));
        Assert.That(_host.Jobs.List(10), Has.Exactly(3).Items);
    }

    [Test]
    public void Devices_and_threads_are_those_there_may_be()
    {
        AssertBad(new MergeRequest(Linear, "made") { Device = "gpu" }, "device");
        AssertBad(new MergeRequest(Linear, "made") { Threads = 0 }, "threads");
        AssertBad(new MergeRequest(Linear, "made") { Threads = 3 }, "threads");
        MergeJob job = _host.Jobs.Submit(new MergeRequest(Linear, "made") { Device = "cpu", Threads = 1 });

        Assert.That((job.Device, job.Threads), Is.EqualTo(("cpu", 1)));
    }

    [Test]
    public void A_job_that_is_not_there_is_unknown()
    {
        Assert.That(
            () => _host.Jobs.Find("merge-1"),
            Throws.TypeOf<MergeJobException>().With.Property("Fault").EqualTo(MergeJobFault.UnknownJob));
        Assert.That(() => _host.Jobs.List(1, "merge-1"), Throws.TypeOf<MergeJobException>());
        Assert.That(async () => await _host.Jobs.CancelAsync("merge-1"), Throws.TypeOf<MergeJobException>());
    }

    [TestCase("no space left on /srv/other/disk: stop", "no space left on (a path): stop")]
    [TestCase("'/srv/other' is no place", "'(a path)' is no place")]
    [TestCase("C:\\models\\a is no place", "(a path) is no place")]
    [TestCase("weights and/or masks, 1 / 2, ./a/b and a//b stay", "weights and/or masks, 1 / 2, ./a/b and a//b stay")]
    public void A_message_tells_no_place_that_is_not_the_clients(string message, string shown)
    {
        Assert.That(Folders().Shown(message), Is.EqualTo(shown));
    }

    [Test]
    public void A_message_tells_of_files_in_the_folders_by_their_names_in_them()
    {
        string message = $"{_folder["models", "add", "x"]}: differs from '{_folder["outputs", "made.partial", "y"]}'";

        Assert.That(Folders().Shown(message), Is.EqualTo("add/x: differs from 'made.partial/y'"));
    }

    private JobFolders Folders()
    {
        var options = new MergeJobOptions { OutputRoot = _folder["outputs"], StateFolder = _folder["state"] };
        options.ModelRoots.Add(_folder["models"]);
        return new JobFolders(options);
    }

    private MergeJobException Refuse(string yaml)
    {
        var refused = Assert.Throws<MergeJobException>(() => _host.Jobs.Submit(new MergeRequest(yaml, "made")), yaml);
        Assert.That(refused.Fault, Is.EqualTo(MergeJobFault.BadRequest));
        Assert.That(_host.Jobs.List(10), Is.Empty);
        return refused;
    }

    private void AssertBad(MergeRequest request, string parameter)
    {
        var refused = Assert.Throws<MergeJobException>(() => _host.Jobs.Submit(request));
        Assert.That((refused.Fault, refused.Parameter), Is.EqualTo((MergeJobFault.BadRequest, parameter)));
    }

    private void AssertConflict(string output)
    {
        var refused = Assert.Throws<MergeJobException>(() => _host.Jobs.Submit(new MergeRequest(Linear, output)), output);
        Assert.That((refused.Fault, refused.Parameter), Is.EqualTo((MergeJobFault.Conflict, "output")));
    }
}
