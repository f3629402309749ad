using Interfuse.Experts;
using Interfuse.Server.Engine;

namespace Interfuse.Server.Tests.Engine;

/// <summary>Tensors for who runs models otherwise.</summary>
public sealed class ExpertMatrixTests
{
    private const string Name = "model.layers.1.mlp.up_proj.weight";

    private EngineHost _host = null!;

    [OneTimeSetUp]
    public async Task Start() => _host = await EngineHost.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _host.DisposeAsync();

    [Test]
    public void Products_are_those_of_the_rows_that_are_gathered()
    {
        using ExpertMatrix matrix = _host.Engine.OpenMatrix("tiny", Name);
        ExpertMix[] experts = [ExpertMix.Of(2), ExpertMix.Of(0), ExpertMix.Weighted(new(0, 0.5f), new(2, 0.5f)), ExpertMix.Shared];
        int columns = (int)matrix.Columns;
        float[] x = [.. Enumerable.Range(0, columns).Select(i => MathF.Sin(i))];
        float[] y = new float[experts.Length * matrix.Rows];
        float[] rows = new float[experts.Length * columns];

        matrix.Multiply(experts, [.. x, .. x, .. x, .. x], y);
        matrix.Gather(experts, [7, 7, 7, 7], rows);

        for (int k = 0; k < experts.Length; k++)
        {
            double expected = Enumerable.Range(0, columns).Sum(j => (double)rows[(k * columns) + j] * x[j]);
            Assert.That(y[(k * matrix.Rows) + 7], Is.EqualTo(expected).Within(0.02), $"{experts[k]}");
        }

        Assert.That(rows[..columns], Is.Not.EqualTo(rows[columns..(2 * columns)]));
    }

    [Test]
    public void Going_on_with_the_same_mixtures_allocates_nothing()
    {
        using ExpertMatrix matrix = _host.Engine.OpenMatrix("tiny", Name);
        ExpertMix[] experts = [ExpertMix.Of(2), ExpertMix.Of(0), ExpertMix.Weighted(new(0, 0.5f), new(2, 0.5f))];
        float[] x = new float[experts.Length * matrix.Columns];
        float[] y = new float[experts.Length * matrix.Rows];
        long[] rows = [1, 2, 3];
        Use(10);

        long before = GC.GetAllocatedBytesForCurrentThread();
        Use(100);

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);

        void Use(int times)
        {
            for (int i = 0; i < times; i++)
            {
                matrix.Multiply(experts, x, y);
                matrix.Gather(experts, rows, x);
            }
        }
    }

    [Test]
    public void Lengths_that_do_not_fit_are_refused()
    {
        using ExpertMatrix matrix = _host.Engine.OpenMatrix("tiny", Name);
        float[] x = new float[matrix.Columns];
        float[] y = new float[matrix.Rows];

        Assert.That(() => matrix.Multiply([ExpertMix.Of(0)], x.AsSpan(1), y), Throws.ArgumentException);
        Assert.That(() => matrix.Multiply([ExpertMix.Of(0)], x, y.AsSpan(1)), Throws.ArgumentException);
        Assert.That(() => matrix.Gather([ExpertMix.Of(0)], [0], x.AsSpan(1)), Throws.ArgumentException);
        Assert.That(() => matrix.Gather([ExpertMix.Of(0)], [matrix.Rows], x), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => matrix.Multiply([ExpertMix.Of(4)], x, y), Throws.InstanceOf<ArgumentException>());
        matrix.Dispose();
        Assert.That(() => matrix.Gather([ExpertMix.Of(0)], [0], x), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void A_tensor_that_is_not_there_keeps_nothing_loaded()
    {
        Assert.That(
            () => _host.Engine.OpenMatrix("tiny", "lorem"), Throws.TypeOf<EngineException>().With.Message.Contains("'lorem'"));
        Assert.That(() => _host.Engine.OpenMatrix("lorem", Name), Throws.TypeOf<EngineException>());
    }
}
