using Interfuse.Experts;
using Interfuse.Experts.Encoders;
using Interfuse.Inference.Generation;
using Interfuse.Inference.Models;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Testing;

namespace Interfuse.Inference.Tests.Models;

/// <summary>A pack of the tiny experts answers as the models do that can be exported from it, in mixed batches too.</summary>
public sealed class PackTests
{
    private TempFolder _folder = null!;
    private Decoder _pack = null!;
    private string[] _experts = [];

    [OneTimeSetUp]
    public void MakePack()
    {
        _folder = new TempFolder();
        string yaml = File.ReadAllText(TinyExperts.PathOf("channel_merging.yml"));
        Recipe recipe = Recipe.Parse(
            yaml, Path.Combine(TinyExperts.PathOf("."), "recipe.yml"), PackMethods.RecipeSignatures);
        using (PackPlan plan = PackPlan.Create(recipe, new MergeOptions()))
        {
            PackEncoder.Run(plan, _folder["pack"], new MergeProgress(), CancellationToken.None);
        }

        using ExpertPack pack = ExpertPack.Open(_folder["pack"]);
        _experts = [.. pack.Experts];
        for (int expert = 0; expert < _experts.Length; expert++)
        {
            PackExport.Run(
                pack, expert, _folder[_experts[expert]], new PackExportOptions(), progress: null, CancellationToken.None);
        }

        _pack = TinyExperts.LoadFrom(_folder["pack"]);
    }

    [OneTimeTearDown]
    public void DeletePack()
    {
        _pack?.Dispose();
        _folder?.Dispose();
    }

    [Test]
    public void An_expert_of_a_pack_has_the_logits_of_the_exported_model()
    {
        int[] prompt = TinyExperts.Tokenizer.Encode("reverse planet=");
        for (int expert = 0; expert < _experts.Length; expert++)
        {
            using Decoder exported = TinyExperts.LoadFrom(_folder[_experts[expert]]);

            Assert.That(_pack.LastLogits(prompt, expert), Is.EqualTo(exported.LastLogits(prompt)), _experts[expert]);
            Assert.That(_pack.Greedy(prompt, 9, expert), Is.EqualTo(exported.Greedy(prompt, 9)), _experts[expert]);
        }
    }

    [Test]
    public void A_batch_of_several_experts_and_lengths_answers_as_each_prompt_does_alone([Values(0, 1)] double temperature)
    {
        string[] prompts =
        [
            "add 58+67=", "reverse planet=", "sort planet=", "cipher planet=", "add 1+2=", "reverse abcdefgh=", "cipher xy=",
        ];
        GenerationRequest[] requests =
        [
            .. prompts.SelectMany((prompt, i) => Enumerable.Range(0, _experts.Length).Select(
                expert => new GenerationRequest(TinyExperts.Tokenizer.Encode(prompt), expert)
                {
                    MaxTokens = 3 + ((i + expert) % 9),
                    IgnoreEndOfText = i % 2 == 0,
                    Sampling = new SamplingOptions { Temperature = temperature, Seed = 7 },
                    Stream = (ulong)((10 * i) + expert),
                })),
        ];
        var generator = new Generator(_pack, TinyExperts.Tokenizer);
        IReadOnlyList<GenerationResult> together = generator.Run([.. requests.Reverse()]);

        for (int i = 0; i < requests.Length; i++)
        {
            GenerationResult alone = generator.Run([requests[i]])[0];
            GenerationResult mixed = together[requests.Length - 1 - i];
            Assert.That(mixed.Tokens, Is.EqualTo(alone.Tokens), $"request {i}");
            Assert.That((mixed.Text, mixed.Reason), Is.EqualTo((alone.Text, alone.Reason)), $"request {i}");
        }
    }

    [Test]
    public void An_expert_that_is_not_there_is_refused()
    {
        Assert.That(() => _pack.Start(_experts.Length), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }
}
