using Interfuse.Experts;
using Interfuse.Server.Engine;
using Interfuse.Testing;
using static Interfuse.Server.Tests.Engine.WholeAnswers;

namespace Interfuse.Server.Tests.Engine;

/// <summary>The engine on CUDA answers as it does on the processor.</summary>
public sealed class DeviceTests
{
    [Test]
    public async Task Experts_mixtures_and_tensors_are_the_same_on_the_software_driver()
    {
        if (CudaLibraries.SoftwareMissing is { } reason)
        {
            Assert.That(CudaLibraries.SoftwareRequired, Is.False, reason);
            Assert.Ignore(reason);
        }

        await using EngineHost cpu = await EngineHost.StartAsync();
        await using EngineHost cuda = await EngineHost.StartAsync(options => options.Device = "software");

        Assert.That(await AnswersAsync(cuda.Engine), Is.EqualTo(await AnswersAsync(cpu.Engine)));
        Assert.That(Products(cuda.Engine), Is.EqualTo(Products(cpu.Engine)));
        Assert.That(
            await cuda.Engine.EmbedAsync("tiny", "sort planet="), Is.EqualTo(await cpu.Engine.EmbedAsync("tiny", "sort planet=")));
    }

    private static async Task<string[]> AnswersAsync(IExpertEngine engine)
    {
        EngineRequest[] requests =
        [
            .. TinyPack.Experts.Select(task => Request("auto", TinyPack.Prompts(task)[5], 8)),
            Request("sort", "sort river=", 8),
            Request("tiny/shared", "cipher planet=", 8),
            Request("tiny/auto", "reverse planet=", 8) with { Mixture = "reverse=0.6,sort=0.4" },
        ];
        WholeAnswer[] answers = await Task.WhenAll(requests.Select(request => engine.AskAsync(request)));
        return [.. answers.Select(answer => $"{answer.By.Name}: {answer.Text}")];
    }

    private static float[] Products(IExpertEngine engine)
    {
        using ExpertMatrix matrix = engine.OpenMatrix("tiny", "model.layers.0.mlp.up_proj.weight");
        ExpertMix[] experts = [ExpertMix.Of(1), ExpertMix.Of(3), ExpertMix.Weighted(new(0, 0.25f), new(1, 0.75f))];
        float[] x = [.. Enumerable.Range(0, experts.Length * (int)matrix.Columns).Select(i => MathF.Cos(i))];
        float[] y = new float[experts.Length * matrix.Rows];
        float[] rows = new float[x.Length];
        matrix.Multiply(experts, x, y);
        matrix.Gather(experts, [0, 1, 2], rows);
        return [.. y, .. rows];
    }
}
