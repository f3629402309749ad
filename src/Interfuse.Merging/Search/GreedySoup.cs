using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Search;

/// <summary>
/// The greedy soup (Wortsman et al. 2022, arXiv 2203.05482, recipe 1): the models in the order of their held-out score, the
/// best first; each joins the uniform average if that becomes strictly better by it.
/// </summary>
public static class GreedySoup
{
    // Each model's part before they are normalised.
    private static readonly NumberSetting Part = new(1);

    /// <summary>What the method expects of a recipe.</summary>
    public static MethodSignature Signature { get; } =
        new("greedy_soup", BaseModelUse.Optional, MinModels: 2, int.MaxValue, []) { Evaluates = true };

    /// <summary>The most models that are evaluated: each by itself, and a soup for each but the best.</summary>
    internal static int Evaluations(Recipe recipe) => (2 * recipe.Models.Count) - 1;

    /// <summary>The soup of some of the models.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="members">The models' places in it; any order gives the same soup.</param>
    internal static Candidate Of(Recipe recipe, IEnumerable<int> members)
    {
        RecipeSource[] models = [.. members.Order().Select(place => recipe.Models[place])];
        var location = new SourceLocation(recipe.Path, 0, 0);
        Recipe soup = recipe with
        {
            MergeMethod = "linear",
            Models =
            [
                .. models.Select(model => model with { Parameters = new([new Parameter("weight", Part, location)]) }),
            ],
            Evaluation = null,
        };
        return new Candidate(
            soup with { Text = soup.ToYaml() },
            [.. models.Select(model => new Coefficient(model.Model.Text, "weight", Part))]);
    }

    /// <summary>Chooses the models.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="score">Evaluates a candidate.</param>
    /// <returns>The best soup.</returns>
    internal static Trial Run(Recipe recipe, Func<Candidate, Trial> score)
    {
        Trial[] alone =
        [
            .. recipe.Models.Select((model, place) =>
                score(Of(recipe, [place]) with { Existing = recipe.ResolvePath(model.Model) })),
        ];

        // A stable order: of equal models the one the recipe has first comes first.
        int[] ranked = [.. Enumerable.Range(0, alone.Length).OrderByDescending(place => alone[place].Score)];
        List<int> soup = [ranked[0]];
        Trial best = alone[ranked[0]];
        foreach (int next in ranked.Skip(1))
        {
            Trial larger = score(Of(recipe, [.. soup, next]));
            larger.Kept = larger.IsBetterThan(best);
            if (larger.Kept == true)
            {
                soup.Add(next);
                best = larger;
            }
        }

        return best;
    }
}
