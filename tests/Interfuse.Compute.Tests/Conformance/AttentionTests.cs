using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

[EveryDevice]
public class AttentionTests(TestDevice device) : DeviceFixture(device)
{
    [Test]
    public void Heads_of_every_length_give_the_same_bits(
        [Values(1, 2, 3, 8, 15, 16, 17, 31, 32, 33, 64, 80, 96, 127, 128, 130, 256)] int headLength) =>
        Check(new(Heads: 2, Group: 2, headLength) { Lengths = [130, 7], Positions = [0, 5, 126, 127, 128, 129] });

    [Test]
    public void Groups_of_every_size_give_the_same_bits(
        [Values(1, 2, 3, 4, 5, 6, 7, 8, 12)] int group, [Values(1, 3)] int heads) =>
        Check(new(heads, group, HeadLength: 20) { Lengths = [140, 3], Positions = [1, 2, 131] });

    [Test]
    public void Every_window_gives_the_same_bits(
        [Values(1, 2, 15, 16, 17, 100, 127, 128, 129, 255, 256, 300, int.MaxValue)] int window) =>
        Check(new(Heads: 1, Group: 3, HeadLength: 8)
        {
            Lengths = [400, 290],
            Positions = [0, 1, 127, 128, 130, 255, 256, 272, 289, 399],
            Window = window,
        });

    [Test]
    public void Contexts_of_many_pages_give_the_same_bits([Values(2047, 2048, 5000)] int length) =>
        Check(new(Heads: 1, Group: 2, HeadLength: 4)
        {
            Lengths = [length, 50],
            Positions = [length - 1, 49, length / 2],
        });

    [Test]
    public void A_batch_of_sequences_gives_the_same_bits() =>
        Check(new(Heads: 2, Group: 4, HeadLength: 16)
        {
            Lengths = [.. Enumerable.Range(0, 40).Select(sequence => 1 + (sequence * 37 % 390))],
            Positions = [],
        });

    [Test]
    public void Scores_and_values_of_every_kind_give_the_same_bits([Range(0, 9)] int kind)
    {
        (Func<int, int, float[]> Keys, Func<int, int, float[]> Values) kinds = kind switch
        {
            0 => (Blocks.Coarse, Blocks.Coarse),
            1 => (Blocks.Ties, Blocks.Plain),
            2 => (Steep, Blocks.Plain),
            3 => (Blocks.Plain, Blocks.Nasty),
            4 => (Steep, Blocks.Mixed),
            5 => (Blocks.Nasty, Blocks.Plain),
            6 => (Tiny, Tiny),
            7 => (Infinite, Blocks.Plain),
            8 => (Steep, Infinite),
            _ => ((length, _) => new float[length], Tiny),
        };
        foreach (int headLength in new[] { 1, 5, 32 })
        {
            Check(new(Heads: 2, Group: 2, headLength)
            {
                Lengths = [200, 9],
                Positions = [0, 3, 8, 100, 150, 199],
                Keys = kinds.Keys,
                Values = kinds.Values,
            });
        }
    }

    [Test]
    public void Random_shapes_give_the_same_bits([Range(0, 11)] int seed)
    {
        var random = new Random(seed);
        int[] lengths = [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => random.Next(1, 420))];
        Check(new(random.Next(1, 4), random.Next(1, 9), random.Next(1, 70))
        {
            Lengths = lengths,
            Positions = [.. Enumerable.Range(0, 4).Select(_ => random.Next(lengths.Min()))],
            Window = random.Next(3) == 0 ? int.MaxValue : random.Next(1, 300),
            Offset = random.Next(2),
        });
    }

    [Test]
    public void The_longest_heads_give_the_same_bits()
    {
        Check(new(1, 1, KeyValuePages.MaxHeadLength) { Lengths = [130], Positions = [129] });
        Check(new(1, 4, KeyValuePages.MaxHeadLength) { Lengths = [.. Enumerable.Repeat(3, 40)], Positions = [2] });
    }

    [Test]
    public void Longer_heads_are_refused()
    {
        using SideBySide both = SideBySide();
        Place pages = both.Room(DType.Float32, 256 * (KeyValuePages.MaxHeadLength + 1));
        both.Same(
            side => Assert.That(
                () => new KeyValuePages(side[pages], 1, KeyValuePages.MaxHeadLength + 1),
                Throws.InstanceOf<ArgumentOutOfRangeException>()),
            "refused");
    }

    [Test]
    public void Attention_is_near_the_truth()
    {
        var shape = new AttentionShape(Heads: 2, Group: 2, HeadLength: 24) { Lengths = [300], Positions = [299] };
        (float[] queries, float[] keys, float[] values, float[] result) = Check(shape);
        int lastToken = queries.Length - (4 * 24);
        for (int head = 0; head < 4; head++)
        {
            double[] weights = [.. Enumerable.Range(0, 300).Select(j => Math.Exp(shape.Scale * Enumerable.Range(0, 24).Sum(
                i => (double)queries[lastToken + (head * 24) + i] * keys[(((j * 2) + (head / 2)) * 24) + i])))];
            for (int i = 0; i < 24; i++)
            {
                double expected = Enumerable.Range(0, 300).Sum(
                    j => weights[j] * values[(((j * 2) + (head / 2)) * 24) + i]) / weights.Sum();
                Assert.That(result[lastToken + (head * 24) + i], Is.EqualTo(expected).Within(1e-6));
            }
        }
    }

    // Scores so far apart that exponentials come to nothing.
    private static float[] Steep(int length, int seed) =>
        Array.ConvertAll(Blocks.Plain(length, seed), value => value * 800f);

    private static float[] Tiny(int length, int seed) =>
        Array.ConvertAll(Blocks.Plain(length, seed), value => value * 1e-30f);

    private static float[] Infinite(int length, int seed)
    {
        var random = new Random(seed);
        return Array.ConvertAll(
            Blocks.Plain(length, seed), value => random.Next(300) == 0 ? float.NegativeInfinity : value);
    }

    // Fills the pages token by token, of which the rest is NaN, and attends.
    private (float[] Queries, float[] Keys, float[] Values, float[] Result) Check(AttentionShape shape)
    {
        using SideBySide both = SideBySide();
        var stored = new TokenTable(shape.Lengths.SelectMany(
            (length, sequence) => Enumerable.Range(0, length).Select(position => (sequence, position))));
        TokenTable asked = shape.Positions.Count == 0
            ? new(shape.Lengths.Select((length, sequence) => (sequence, length - 1)))
            : new(shape.Positions.SelectMany(position => shape.Lengths.Select(
                (length, sequence) => (sequence, Math.Min(position, length - 1)))));
        int[] pageTable = shape.ShuffledPages(out int pageCount);
        long pageLength = KeyValuePages.ElementsPerPage(shape.Heads, shape.HeadLength);
        float[] nothing = new float[pageCount * pageLength];
        nothing.AsSpan().Fill(float.NaN);

        int width = shape.Heads * shape.HeadLength;
        float[] keys = shape.Keys(stored.Count * width, 1);
        float[] values = shape.Values(stored.Count * width, 2);
        float[] queries = shape.Keys(asked.Count * width * shape.Group, 3);
        Place memory = Floats(both, nothing, shape.Offset);
        Place pages = both.Add(DType.Int32, MemoryMarshal.AsBytes<int>(pageTable), shape.Offset);
        (Place Sequences, Place Positions) storedAt = stored.Upload(both, shape.Offset);
        (Place Sequences, Place Positions) askedAt = asked.Upload(both, shape.Offset);
        Place keyPlace = Floats(both, keys, shape.Offset);
        Place valuePlace = Floats(both, values, shape.Offset);
        Place queryPlace = Floats(both, queries, shape.Offset);
        Place result = both.Room(DType.Float32, queries.Length, shape.Offset);

        TokenPlaces Tokens(Side side, (Place Sequences, Place Positions) at) =>
            new(side[at.Sequences], side[at.Positions], side[pages], shape.Lengths.Count);
        KeyValuePages Pages(Side side) => new(side[memory], shape.Heads, shape.HeadLength);
        both.Same(
            side => side.Queue.StoreKeyValues(
                Pages(side), Tokens(side, storedAt), side[keyPlace], side[valuePlace]),
            $"stored {shape}");
        both.SameButNaN(
            side => side.Queue.Attention(
                Pages(side), Tokens(side, askedAt), side[queryPlace], shape.Scale, shape.Window, side[result]),
            result,
            $"{shape}");
        return (queries, keys, values, both.Floats(result));
    }

    private static Place Floats(SideBySide both, float[] values, int offset) =>
        both.Add(DType.Float32, MemoryMarshal.AsBytes<float>(values), offset);

    // Tokens, each of a sequence at a position.
    private sealed class TokenTable(IEnumerable<(int Sequence, int Position)> tokens)
    {
        private readonly (int Sequence, int Position)[] _tokens = [.. tokens];

        public int Count => _tokens.Length;

        public (Place Sequences, Place Positions) Upload(SideBySide both, int offset) => (
            both.Add(DType.Int32, Bytes(token => token.Sequence), offset),
            both.Add(DType.Int32, Bytes(token => token.Position), offset));

        private byte[] Bytes(Func<(int Sequence, int Position), int> number) =>
            MemoryMarshal.AsBytes<int>(_tokens.Select(number).ToArray()).ToArray();
    }
}
