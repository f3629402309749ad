using Interfuse.Checkpoints;

namespace Interfuse.Merging.Tests.Planning;

/// <summary>Output heads that are tied to the embedding, by a missing tensor or by the configuration.</summary>
[Parallelizable(ParallelScope.All)]
internal sealed class HeadTests
{
    private const string Mean = "{merge_method: linear, models: [{model: a}, {model: b}], parameters: {weight: 1}}";

    private static readonly TinyModel Untied = new() { Value = 1, Config = "\"tie_word_embeddings\": false" };
    private static readonly TinyModel Tied = new() { Value = 3, Head = null, Config = "\"tie_word_embeddings\": true" };

    [Test]
    public void Where_all_are_tied_no_head_is_written_and_the_configuration_says_so()
    {
        (Dictionary<string, double[]> merged, ModelConfig config) = Merge(Tied, Tied with { Value = 5, Head = 7 });

        Assert.That(merged.Keys, Has.None.EqualTo("lm_head.weight"));
        Assert.That(config.TieWordEmbeddings, Is.True);
    }

    [Test]
    public void Where_one_is_not_tied_the_others_embedding_is_its_head([Values] bool tiedFirst)
    {
        (Dictionary<string, double[]> merged, ModelConfig config) = tiedFirst ? Merge(
            Tied, Untied) : Merge(Untied, Tied);

        // Embedding rows 1.. and 3.., heads 101.. and 3..
        Assert.That(TinyModel.RowsOf(merged["model.embed_tokens.weight"])[..2], Is.EqualTo(new double[] { 2, 3 }));
        Assert.That(TinyModel.RowsOf(merged["lm_head.weight"])[..2], Is.EqualTo(new double[] { 52, 53 }));
        Assert.That(config.TieWordEmbeddings, Is.False);
    }

    [Test]
    public void A_head_beside_a_configuration_that_ties_is_not_used()
    {
        (Dictionary<string, double[]> merged, _) = Merge(Tied with { Head = 1000 }, Untied);

        Assert.That(TinyModel.RowsOf(merged["lm_head.weight"])[..2], Is.EqualTo(new double[] { 52, 53 }));
    }

    [Test]
    public void Where_the_donors_configuration_leaves_it_to_the_architecture_the_output_says_what_it_has()
    {
        TinyModel silent = Tied with { Config = "\"model_type\": \"gemma\"" };

        Assert.That(Merge(silent, silent).Config.TieWordEmbeddings, Is.True);
        Assert.That(Merge(silent, Untied).Config.TieWordEmbeddings, Is.False);
        Assert.That(Merge(Untied with { Config = "" }, Untied).Config.TieWordEmbeddings, Is.Null);
    }

    [Test]
    public void Task_vectors_of_a_tied_expert_are_its_embedding_less_the_bases_head()
    {
        using Workshop workshop = Models(Untied, Tied);

        Dictionary<string, double[]> merged = workshop.Merge(
            "{merge_method: task_arithmetic, base_model: a, models: [{model: b}], parameters: {weight: 0.5}}");

        Assert.That(TinyModel.RowsOf(merged["lm_head.weight"])[..2], Is.EqualTo(new double[] { 52, 53 }));
    }

    [Test]
    public void Layers_stacked_up_to_a_tied_model_end_in_its_embedding()
    {
        using Workshop workshop = Models(Untied, Tied);

        Dictionary<string, double[]> merged = workshop.Merge("""
            merge_method: passthrough
            slices:
            - sources: [{model: a, layer_range: [0, 1]}]
            - sources: [{model: b, layer_range: [1, 2]}]
            """);

        Assert.That(merged["model.embed_tokens.weight"][0], Is.EqualTo(1));
        Assert.That(TinyModel.RowsOf(merged["lm_head.weight"])[..2], Is.EqualTo(new double[] { 3, 4 }));
        Assert.That(ModelConfig.Read(workshop["out", "config.json"]).TieWordEmbeddings, Is.False);
    }

    private static (Dictionary<string, double[]> Tensors, ModelConfig Config) Merge(TinyModel a, TinyModel b)
    {
        using Workshop workshop = Models(a, b);
        return (workshop.Merge(Mean), ModelConfig.Read(workshop["out", "config.json"]));
    }

    private static Workshop Models(TinyModel a, TinyModel b)
    {
        var workshop = new Workshop();
        workshop.Model("a", a);
        workshop.Model("b", b);
        return workshop;
    }
}
