using Interfuse.Compute;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Methods;

/// <summary>Spherical linear interpolation from the base model (t = 0) to the other (t = 1) (Shoemake, SIGGRAPH 1985).</summary>
/// <remarks>
/// With the angle theta between the two tensors, each taken as one vector:
/// r = sin((1-t) theta)/sin(theta) v0 + sin(t theta)/sin(theta) v1. The vectors keep their lengths. Where the angle is
/// too small, too close to pi, or undefined, r = (1-t) v0 + t v1.
/// </remarks>
public sealed class Slerp : MergeMethod
{
    private static readonly ParameterSpec T = new("t", ParameterScope.Merge, Default: null, Minimum: 0, Maximum: 1);

    /// <inheritdoc/>
    public override MethodSignature Signature { get; } = new(
        "slerp", BaseModelUse.Required, MinModels: 1, MaxModels: 1, [T]);

    /// <inheritdoc/>
    public override TensorMerge Bind(TensorSettings tensor) =>
        new SlerpMerge(tensor.Value(T), tensor.Semantics, TileGrid.TileCount(tensor.ElementCount));

    private sealed class SlerpMerge(double t, MergeSemantics semantics, int tiles) : TensorMerge
    {
        private AnglePass? _angle;
        private float[] _weights = [];

        public override TensorPass? NextPass()
        {
            if (_angle is null)
            {
                return _angle = new AnglePass(tiles);
            }

            _weights = Weights(_angle.Sum(), t, semantics);
            return null;
        }

        public override void Apply(in Chunk chunk, DeviceSpan destination) =>
            chunk.Queue.LinearCombination(chunk.Inputs, _weights, destination);
    }

    private static float[] Weights(DotProducts products, double t, MergeSemantics semantics)
    {
        double lengths = Math.Sqrt(products.AA) * Math.Sqrt(products.BB);
        double cosine = lengths == 0 ? 0 : Math.Clamp(products.AB / lengths, -1, 1);
        double angle = Math.Acos(cosine);
        double sine = Math.Sin(angle);

        // mergekit interpolates linearly from |cos| > 0.9995 on, which is where most fine-tunes of one base are; the formula
        // itself is sound in float64 until the sine loses its digits. A zero vector has no direction; mergekit calls it
        // orthogonal to everything. One NaN or infinity makes the angle NaN, which must not spread to all other elements.
        bool linear = semantics == MergeSemantics.Mergekit
            ? Math.Abs(cosine) > 0.9995
            : !(sine >= 1e-6) || lengths == 0 || double.IsInfinity(lengths);
        return linear
            ? [(float)(1 - t), (float)t]
            : [(float)(Math.Sin((1 - t) * angle) / sine), (float)(Math.Sin(t * angle) / sine)];
    }

    /// <summary>Squared lengths and dot product, each tile's sum kept apart so that the total does not depend on threads.</summary>
    private sealed class AnglePass(int tiles) : TensorPass
    {
        private readonly DotProducts[] _sums = new DotProducts[tiles];

        public override void Visit(in Chunk chunk) =>
            chunk.Queue.Dot(chunk.Inputs[0], chunk.Inputs[1], _sums.AsSpan(chunk.FirstTile, chunk.TileCount));

        public DotProducts Sum() => _sums.Aggregate(default(DotProducts), (total, tile) => total + tile);
    }
}
