using Interfuse.Checkpoints;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Tests.Parity;

/// <summary>Replays the random numbers PyTorch drew for a golden: MT19937, one 32-bit word per element, of which 24 bits count.</summary>
internal static class TorchRandom
{
    /// <summary>
    /// By the stream (<see cref="DropStream"/>) of tensor and expert: where PyTorch's 24-bit uniform was below the expert's density.
    /// </summary>
    public static Dictionary<ulong, bool[]> Kept(GoldenCase golden, uint seed)
    {
        var kept = new Dictionary<ulong, bool[]>();
        var generator = new MersenneTwister(seed);
        using Checkpoint baseModel = Checkpoint.Open(golden.Recipe.ResolvePath(golden.Recipe.BaseModel!));
        foreach (string tensor in golden.DrawOrder())
        {
            Assert.That(baseModel.TryGetTensor(tensor, out CheckpointTensor? found), Is.True, tensor);
            int expert = 0;
            foreach (RecipeSource source in golden.Recipe.Models)
            {
                double bound = GoldenCase.Value(source, "density") * (1 << 24);
                kept[DropStream.Of(tensor, expert++)] =
                    [.. Enumerable.Range(0, (int)found!.ElementCount).Select(_ => (generator.Next() & 0xFF_FFFF) < bound)];
            }
        }

        return kept;
    }

    /// <summary>Matsumoto and Nishimura's MT19937 (1998), written from the paper's recurrence.</summary>
    private sealed class MersenneTwister
    {
        private const int Length = 624;

        private readonly uint[] _state = new uint[Length];
        private int _next = Length;

        public MersenneTwister(uint seed)
        {
            _state[0] = seed;
            for (uint i = 1; i < Length; i++)
            {
                _state[i] = (1812433253 * (_state[i - 1] ^ (_state[i - 1] >> 30))) + i;
            }
        }

        public uint Next()
        {
            if (_next == Length)
            {
                Twist();
                _next = 0;
            }

            uint word = _state[_next++];
            word ^= word >> 11;
            word ^= (word << 7) & 0x9D2C5680;
            word ^= (word << 15) & 0xEFC60000;
            return word ^ (word >> 18);
        }

        private void Twist()
        {
            for (int i = 0; i < Length; i++)
            {
                uint mixed = (_state[i] & 0x80000000) | (_state[(i + 1) % Length] & 0x7FFFFFFF);
                _state[i] = _state[(i + 397) % Length] ^ (mixed >> 1) ^ ((mixed & 1) * 0x9908B0DF);
            }
        }
    }
}
