using Interfuse.Checkpoints;
using Interfuse.Merging.Planning;

namespace Interfuse.Merging.Tests.Planning;

/// <summary>Models whose embeddings have other rows, or the same rows in another order.</summary>
[Parallelizable(ParallelScope.All)]
internal sealed class VocabularyTests
{
    private const string Mean = """
        merge_method: linear
        models: [{model: a}, {model: b}]
        parameters: {weight: 1}
        """;

    // Row r of a model is its value plus r; both have padding: six rows for five and for four tokens.
    private static readonly TinyModel A = new() { Value = 10, Tokens = ["the", "cat", "sat", "<s>", "on"] };
    private static readonly TinyModel B = new() { Value = 30, Tokens = ["cat", "<s>", "the", "mat"] };

    [Test]
    public void Rows_of_the_base_tokenizer_are_gathered_by_token()
    {
        using Workshop workshop = Models(A, B);

        Dictionary<string, double[]> merged = workshop.Merge(Recipe("base"));

        // the 10 and 32, cat 11 and 30, sat 12 in the base alone, <s> 13 and 31, on 14 in the base alone, padding 15.
        Assert.That(
            TinyModel.RowsOf(
                merged["model.embed_tokens.weight"]), Is.EqualTo(new double[] { 21, 20.5, 12, 22, 14, 15 }));
        Assert.That(
            TinyModel.RowsOf(merged["lm_head.weight"]), Is.EqualTo(new double[] { 121, 120.5, 112, 122, 114, 115 }));
    }

    [Test]
    public void Rows_of_another_models_tokenizer_are_gathered_by_token_and_its_tokenizer_comes_along()
    {
        using Workshop workshop = Models(A, B);

        Dictionary<string, double[]> merged = workshop.Merge(Recipe("b"));

        // cat 11 and 30, <s> 13 and 31, the 10 and 32, mat 33 in b alone, padding of b: 34 and 35.
        Assert.That(
            TinyModel.RowsOf(
                merged["model.embed_tokens.weight"]), Is.EqualTo(new double[] { 20.5, 22, 21, 33, 34, 35 }));
        Assert.That(File.ReadAllText(workshop["out", "tokenizer.json"]), Is.EqualTo(TinyModel.Tokenizer(B.Tokens!)));
    }

    [Test]
    public void The_number_of_rows_is_the_tokenizers_models_and_the_configuration_follows()
    {
        using Workshop workshop = Models(A, B with { Rows = 9 });

        Assert.That(
            TinyModel.RowsOf(workshop.Merge(Recipe("base"))["model.embed_tokens.weight"]), Has.Length.EqualTo(6));
        Assert.That(ModelConfig.Read(workshop["out", "config.json"]).VocabSize, Is.EqualTo(6));

        Assert.That(TinyModel.RowsOf(workshop.Merge(Recipe("b"))["model.embed_tokens.weight"])[^1], Is.EqualTo(38));
        Assert.That(ModelConfig.Read(workshop["out", "config.json"]).VocabSize, Is.EqualTo(9));
    }

    [Test]
    public void Without_a_base_a_missing_token_is_the_mean_of_those_who_have_it()
    {
        using Workshop workshop = Models(A, B);
        workshop.Model("c", new TinyModel { Value = 50, Tokens = ["cat"], Config = null });

        Dictionary<string, double[]> merged = workshop.Merge(
            Mean.Replace("{model: b}", "{model: b}, {model: c}", StringComparison.Ordinal) + "\ntokenizer_source: a");

        // the: 10, 32 and their mean for c; cat: 11, 30 and 50; sat: 12 for all.
        double[] rows = TinyModel.RowsOf(merged["model.embed_tokens.weight"]);
        Assert.That(rows[..3], Is.EqualTo(new double[] { 21, 91 / 3.0, 12 }).Within(1e-5));
    }

    [Test]
    public void A_base_that_is_not_merged_fills_in_for_missing_tokens()
    {
        using Workshop workshop = Models(A, B);
        workshop.Model("base", new TinyModel { Value = 100, Tokens = ["the", "cat", "sat", "<s>", "on"] });

        Dictionary<string, double[]> merged = workshop.Merge(
            Mean.Replace("{model: a}, ", "", StringComparison.Ordinal) + "\nbase_model: base\ntokenizer_source: base");

        Assert.That(
            TinyModel.RowsOf(
                merged["model.embed_tokens.weight"]), Is.EqualTo(new double[] { 32, 30, 102, 31, 104, 105 }));
    }

    [Test]
    public void Rows_that_come_from_a_model_of_another_type_are_converted()
    {
        using Workshop workshop = Models(A, B);
        float next = 0;
        workshop.Model("b", SmallFloats.Of("model.embed_tokens.weight", DType.BFloat16, [2, 3], () => next++));
        workshop.Model("a", SmallFloats.Of("model.embed_tokens.weight", DType.Float16, [2, 3], () => 100 + next++));
        workshop.Write("b/tokenizer.json", TinyModel.Tokenizer(["cat", "mat"]));
        workshop.Write("a/tokenizer.json", TinyModel.Tokenizer(["the", "cat"]));

        Dictionary<string, double[]> merged = workshop.Merge(
            Mean.Replace("{model: a}, ", "", StringComparison.Ordinal) + "\nbase_model: a\ntokenizer_source: base");

        // the: a's first row; cat: b's first row.
        Assert.That(merged["model.embed_tokens.weight"], Is.EqualTo(new double[] { 106, 107, 108, 0, 1, 2 }));
    }

    [Test]
    public void A_model_without_a_tokenizer_is_named()
    {
        using Workshop workshop = Models(A, B with { Tokens = null });

        Assert.That(
            () => workshop.Run(Recipe("base")),
            Throws.InstanceOf<CheckpointFormatException>().With.Message.Contains(workshop["b"])
                .And.Message.Contains("tokenizer.json"));
    }

    [Test]
    public void Other_meanings_of_the_same_ids_are_warned_of([Values] bool sameTokens)
    {
        using Workshop workshop = Models(
            A, A with { Tokens = sameTokens ? A.Tokens : ["cat", "the", "sat", "<s>", "on"] });
        File.AppendAllText(workshop["b", "tokenizer.json"], "\n");

        using MergePlan plan = workshop.Plan(Mean);

        Assert.That(
            plan.Warnings,
            sameTokens ? Is.Empty : Has.One.Contains("different meaning").And.One.Contains("tokenizer_source: base"));
    }

    [Test]
    public void Embeddings_can_be_cut_to_the_common_rows()
    {
        using Workshop workshop = Models(A with { Tokens = null, Rows = 8 }, B with { Tokens = null });
        var options = new MergeOptions { TruncateEmbeddings = true };

        Dictionary<string, double[]> merged = workshop.Merge(Mean, options);
        using MergePlan plan = workshop.Plan(Mean, options);

        Assert.That(
            TinyModel.RowsOf(merged["lm_head.weight"]), Is.EqualTo(new double[] { 120, 121, 122, 123, 124, 125 }));
        Assert.That(ModelConfig.Read(workshop["out", "config.json"]).VocabSize, Is.EqualTo(6));
        Assert.That(
            plan.Warnings, Has.One.Contains("'lm_head.weight' is cut to the 6 rows").And.Exactly(2).Contains("is cut"));
    }

    [Test]
    public void Embeddings_of_one_size_are_not_cut()
    {
        using Workshop workshop = Models(A with { Tokens = null }, B with { Tokens = null });

        using MergePlan plan = workshop.Plan(Mean, new MergeOptions { TruncateEmbeddings = true });

        Assert.That(plan.Warnings, Is.Empty);
    }

    private static string Recipe(string tokenizer) =>
        $"{Mean}\nbase_model: a\ntokenizer_source: {tokenizer}";

    private static Workshop Models(TinyModel a, TinyModel b)
    {
        var workshop = new Workshop();
        workshop.Model("a", a);
        workshop.Model("b", b);
        return workshop;
    }
}
