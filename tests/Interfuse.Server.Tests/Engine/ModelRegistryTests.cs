using Interfuse.Server.Engine;
using Interfuse.Testing;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using static Interfuse.Server.Tests.Engine.WholeAnswers;

namespace Interfuse.Server.Tests.Engine;

/// <summary>Models that come and go while others answer.</summary>
public sealed class ModelRegistryTests
{
    private static ModelSource Base(string? name = null) => new() { Path = TinyPack.PathOf("base"), Name = name };

    [Test]
    public async Task A_model_is_known_by_what_it_holds_wherever_it_lies()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["copy"]);
        foreach (string file in Directory.GetFiles(TinyPack.PathOf("base")))
        {
            File.Copy(file, folder["copy", Path.GetFileName(file)]);
        }

        await using EngineHost host = await EngineHost.StartAsync();
        ServedModel first = await host.Models.LoadAsync(Base());
        ServedModel copy = await host.Models.LoadAsync(new ModelSource { Path = folder["copy"] });
        ServedModel other = await host.Models.LoadAsync(new ModelSource { Path = TinyPack.PathOf("add") });

        Assert.That(host.Models.Models.Select(model => model.Name), Is.EqualTo(["tiny", "base", "copy", "add"]));
        Assert.That(first.Identity, Is.EqualTo(copy.Identity).And.Match("^[0-9a-f]{64}$"));
        Assert.That(other.Identity, Is.Not.EqualTo(first.Identity));
    }

    [Test]
    public async Task Unloading_answers_running_requests_first_and_refuses_new_ones_at_once()
    {
        await using EngineHost host = await EngineHost.StartAsync(options => options.MaxBatch = 2);
        Task<WholeAnswer>[] running = [.. Enumerable.Range(0, 40).Select(_ => host.Engine.AskAsync(Request("add", "add 1+2=")))];

        Task unloading = host.Models.UnloadAsync("tiny");

        Assert.That(unloading.IsCompleted, Is.False);
        Assert.That(host.Models.Models, Is.Empty);
        Assert.That(
            async () => await host.Engine.AskAsync(Request("add", "add 1+2=")),
            Throws.TypeOf<EngineException>().With.Property("Fault").EqualTo(EngineFault.UnknownModel));
        WholeAnswer[] answers = await Task.WhenAll(running);
        await unloading;
        Assert.That(answers.Select(answer => answer.Text), Has.All.EqualTo(answers[0].Text).And.All.Not.Empty);
        await host.Models.LoadAsync(new ModelSource { Path = TinyPack.Path });
        Assert.That((await host.Engine.AskAsync(Request("add", "add 1+2="))).Text, Is.EqualTo(answers[0].Text));
    }

    [Test]
    public async Task A_tensor_that_somebody_has_open_keeps_its_model()
    {
        await using EngineHost host = await EngineHost.StartAsync();
        ExpertMatrix matrix = host.Engine.OpenMatrix("tiny", "model.norm.weight");

        Task unloading = host.Models.UnloadAsync("tiny");
        await Task.Delay(50);
        Assert.That(unloading.IsCompleted, Is.False);
        matrix.Dispose();

        await unloading;
    }

    [Test]
    public async Task Idle_models_make_room_and_pinned_ones_stay()
    {
        long each = new FileInfo(Path.Combine(TinyPack.PathOf("base"), "model.safetensors")).Length;
        await using EngineHost host = await EngineHost.StartAsync(options =>
        {
            options.Models.Add(Base("a") with { IsPinned = true });
            options.Models.Add(Base("b"));
            options.Models.Add(Base("c"));
            options.MaxModelBytes = 3 * each;
        });
        await host.Engine.AskAsync(Request("b", "x"));

        await host.Models.LoadAsync(Base("d"));
        Assert.That(host.Models.Models.Select(model => model.Name), Is.EqualTo(["a", "b", "d"]), "c was used longest ago");

        host.Models.Pin("b", true);
        host.Models.Pin("d", true);
        EngineException? full = Assert.ThrowsAsync<EngineException>(() => host.Models.LoadAsync(Base("e")));
        Assert.That(full!.Message, Does.StartWith("There is no room"));
        EngineException? pinned = Assert.ThrowsAsync<EngineException>(() => host.Models.UnloadAsync("a"));
        Assert.That(pinned!.Message, Does.Contain("pinned"));
    }

    [TestCase("auto")]
    [TestCase("shared")]
    [TestCase("a/b")]
    [TestCase("")]
    [TestCase("tiny")]
    public async Task A_name_that_would_mean_something_else_is_refused(string name)
    {
        await using EngineHost host = await EngineHost.StartAsync();

        EngineException? fault = Assert.ThrowsAsync<EngineException>(() => host.Models.LoadAsync(Base(name)));

        Assert.That(fault!.Fault, Is.EqualTo(EngineFault.BadRequest));
        Assert.That(host.Models.Models, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_name_that_several_packs_have_must_say_which()
    {
        await using EngineHost host = await EngineHost.StartAsync();
        await host.Models.LoadAsync(new ModelSource { Path = TinyPack.Path, Name = "again" });

        EngineException? fault = Assert.Throws<EngineException>(() => host.Engine.Find("sort"));

        Assert.That(fault!.Message, Does.Contain("tiny/sort, again/sort"));
        Assert.That(host.Engine.Find("again/sort").Id, Is.EqualTo("again/sort"));
    }

    [Test]
    public void A_host_whose_model_is_not_there_does_not_start()
    {
        InterfuseException? fault = Assert.CatchAsync<InterfuseException>(
            () => EngineHost.StartAsync(options => options.Models.Add(new ModelSource { Path = "/nowhere" })));

        Assert.That(fault!.Message, Does.Contain("/nowhere"));
    }

    [Test]
    public async Task A_host_that_loads_in_the_background_stops_where_it_cannot()
    {
        using IHost host = EngineHost.Build(options =>
        {
            options.LoadInBackground = true;
            options.Models.Add(new ModelSource { Path = "/nowhere" });
        });

        var models = (IModelRegistry)host.Services.GetService(typeof(IModelRegistry))!;
        Task running = host.RunAsync();

        Assert.That(async () => await models.Loaded, Throws.InstanceOf<InterfuseException>());
        await running.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.That(models.IsReady, Is.False);
    }

    [Test]
    public void Options_outside_their_ranges_are_named_before_anything_is_loaded()
    {
        OptionsValidationException? fault = Assert.ThrowsAsync<OptionsValidationException>(() => EngineHost.StartAsync(
            options => (options.MaxBatch, options.Device) = (65, "abacus")));

        Assert.That(fault!.Failures, Is.EqualTo(
            ["Interfuse:Device is one of auto, cpu, cuda, software.", "Interfuse:MaxBatch is 1 to 64."]));
    }

    [Test]
    public async Task A_host_that_stops_answers_what_it_took_or_says_that_it_will_not()
    {
        EngineHost host = await EngineHost.StartAsync(
            options => (options.MaxBatch, options.DrainTime) = (1, TimeSpan.FromMilliseconds(200)));
        Task<WholeAnswer>[] running =
        [
            .. Enumerable.Range(0, 150).Select(_ => host.Engine.AskAsync(
                Request("add", "add 1+2=", 50) with { IgnoreEndOfText = true })),
        ];

        await Task.WhenAny(running);
        await host.Host.StopAsync();
        await Task.WhenAll(running.Select(task => task.ContinueWith(_ => { }, TaskScheduler.Default)));

        Assert.That(running.Count(task => task.IsCompletedSuccessfully), Is.GreaterThan(0));
        Assert.That(
            running.Where(task => task.IsFaulted).Select(task => ((EngineException)task.Exception!.InnerException!).Fault),
            Is.Not.Empty.And.All.EqualTo(EngineFault.Unavailable));
        await host.DisposeAsync();
    }
}
