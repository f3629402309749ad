namespace Interfuse.Experts.Tests;

public sealed class KeptEnergyTests
{
    [Test]
    public void Energies_are_summed_by_layer_and_expert_before_they_are_divided()
    {
        PackManifest manifest = Manifest(
            Tensor("model.layers.1.q", [4, 8], [1, 0]),
            Tensor("model.layers.0.q", [10, 0], [0, 0]),
            Tensor("model.layers.1.k", [6, 0], [4, 0]),
            Tensor("model.norm", [1, 1], [1, 1]),
            Tensor("model.layers.2.q", null, null));

        IReadOnlyList<KeptEnergy> layers = KeptEnergy.OfLayers(manifest);
        KeptEnergy model = KeptEnergy.OfModel(manifest);

        Assert.Multiple(() =>
        {
            Assert.That(layers.Select(layer => layer.Layer), Is.EqualTo(new int?[] { 0, 1, null }));
            Assert.That(layers[0].PerExpert, Is.EqualTo(new double?[] { 1, 1 }));
            Assert.That(layers[1].PerExpert, Is.EqualTo(new double?[] { 0.5, 1 }));
            Assert.That(layers[1].All, Is.EqualTo(1 - (5 / 18.0)));
            Assert.That(layers[2].All, Is.Zero);
            Assert.That(model.PerExpert, Is.EqualTo(new double?[] { 1 - (6 / 21.0), 1 - (1 / 9.0) }));
            Assert.That(model.All, Is.EqualTo(1 - (7 / 30.0)));
        });
    }

    [Test]
    public void What_is_not_known_is_not_told()
    {
        KeptEnergy unknown = KeptEnergy.OfModel(Manifest(Tensor("a", null, null)));
        KeptEnergy lostOfNothing = KeptEnergy.OfModel(Manifest(Tensor("a", [0, 2], [1, 1])));

        Assert.Multiple(() =>
        {
            Assert.That((unknown.PerExpert[0], unknown.PerExpert[1], unknown.All), Is.EqualTo(((double?)null, (double?)null, (double?)null)));
            Assert.That((lostOfNothing.PerExpert[0], lostOfNothing.PerExpert[1]), Is.EqualTo(((double?)null, (double?)0.5)));
        });
    }

    private static PackManifest Manifest(params PackTensorEntry[] tensors) => new("m", ["a", "b"], 0, tensors, []);

    private static PackTensorEntry Tensor(string name, double[]? delta, double[]? lost) =>
        new(name, "grouped", "BF16", [1], delta, lost);
}
