using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Search;

/// <summary>
/// The (1+1) evolution strategy with the rule of one success in five (Rechenberg 1973): one parent, one child drawn around
/// it; a child that is not worse becomes the parent, and the width grows with a strict improvement and shrinks without.
/// </summary>
/// <remarks>
/// In the unit cube, at whose walls children are reflected. The width begins at 0.3; it is multiplied by 1.5 after a success
/// and by 1.5^(-1/4) otherwise, which balances at one success in five. A child that was there before costs nothing: it is
/// drawn again, and the width doubled when that goes on; when nothing new is found in the whole cube the search ends early.
/// The result depends on the seed and the scores alone: random numbers are sums, without a library's functions.
/// </remarks>
internal sealed class EvolutionSearch
{
    private const double FirstWidth = 0.3;
    private const double Success = 1.5;
    private const double Failure = 0.9036020036098449; // 1.5^(-1/4)
    private const double SmallestWidth = 0.001;
    private const double LargestWidth = 1;
    private const int DrawsPerWidth = 100;

    private readonly SearchSpace _space;
    private readonly int _budget;
    private readonly UniformRandom _random;
    private readonly HashSet<string> _seen = [];
    private double _width = FirstWidth;

    private EvolutionSearch(Recipe recipe)
    {
        _space = new SearchSpace(recipe);
        _budget = recipe.Search!.Evaluations;
        _random = new UniformRandom(recipe.Search.Seed);
    }

    public static Trial? Run(Recipe recipe, Func<Candidate, Trial> score) => new EvolutionSearch(recipe).Run(score);

    private Trial? Run(Func<Candidate, Trial> score)
    {
        double[] parentPoint = _space.Start();
        double[]? point = parentPoint;
        Trial? parent = null;
        Trial? best = null;
        int evaluations = 0;
        int unfit = 0;
        while (point is not null)
        {
            Candidate candidate = _space.At(point);
            _seen.Add(candidate.Key);
            Trial trial = score(candidate);
            bool improves = trial.IsBetterThan(best);
            trial.Kept = improves;
            if (parent?.Score is null || trial.Score >= parent.Score)
            {
                parent = trial;
                parentPoint = point;
            }

            if (best is not null)
            {
                _width = Math.Clamp(_width * (improves ? Success : Failure), SmallestWidth, LargestWidth);
            }

            best = improves ? trial : best;

            // What can't be merged takes no evaluation, but does not go on for ever either.
            evaluations += trial.Score is null ? 0 : 1;
            unfit += trial.Score is null ? 1 : 0;
            point = evaluations < _budget && unfit <= 10L * _budget ? NextPoint(parentPoint) : null;
        }

        return best;
    }

    // A point near the parent with values that were not there before, or null when there are none.
    private double[]? NextPoint(double[] parent)
    {
        if (_space.Combinations <= _seen.Count)
        {
            return null;
        }

        while (true)
        {
            for (int draw = 0; draw < DrawsPerWidth; draw++)
            {
                double[] child = Array.ConvertAll(parent, value => Reflect(value + (_width * _random.NextNormal())));
                if (!_seen.Contains(_space.At(child).Key))
                {
                    return child;
                }
            }

            if (_width >= LargestWidth)
            {
                return null;
            }

            _width = Math.Min(2 * _width, LargestWidth);
        }
    }

    // Back into the cube from either wall, as often as it takes.
    private static double Reflect(double value)
    {
        double folded = Math.Abs(value % 2);
        return folded > 1 ? 2 - folded : folded;
    }
}
