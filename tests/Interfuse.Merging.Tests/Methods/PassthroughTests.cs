namespace Interfuse.Merging.Tests.Methods;

[Parallelizable(ParallelScope.All)]
internal sealed class PassthroughTests
{
    [Test]
    public void Without_scale_the_values_are_copied_bit_for_bit_also_those_that_are_no_numbers()
    {
        using var workshop = new Workshop();
        float[] values = [1.1f, -0f, float.NegativeInfinity, BitConverter.UInt32BitsToSingle(0x7FC12345)];
        workshop.Vector("a", values);

        workshop.Run("{merge_method: passthrough, models: [{model: a}]}");

        Assert.That(
            File.ReadAllBytes(workshop["out", "model.safetensors"]),
            Is.EqualTo(File.ReadAllBytes(workshop["a", "model.safetensors"])));
    }

    [Test]
    [Pairwise]
    public void Scale_multiplies(
        [ValueSource(typeof(VectorModels), nameof(VectorModels.Lengths))] int length, [Values(0, -1, 0.7)] double scale)
    {
        using var models = new VectorModels(length);

        double[] merged = models.Merge(FormattableString.Invariant(
            $"{{merge_method: passthrough, models: [{{model: e0, parameters: {{scale: {scale}}}}}]}}"));

        VectorModels.AssertClose(merged, Formulas.Linear([models.Experts[0]], [scale], normalize: false));
    }
}
