using System.Text;

namespace Interfuse.Checkpoints.Tests;

public sealed class CheckpointLayoutTests
{
    [Test]
    public void One_shard_has_the_plain_name_and_no_index()
    {
        var layout = CheckpointLayout.Create([Bytes("a", 10), Bytes("b", 20)], 30);

        Assert.That(layout.Shards.Single().FileName, Is.EqualTo("model.safetensors"));
        Assert.That(layout.Index, Is.Null);
        Assert.That(layout.TotalBytes, Is.EqualTo(layout.Shards[0].Length));
    }

    [Test]
    public void A_shard_is_closed_before_it_would_exceed_the_limit()
    {
        var layout = CheckpointLayout.Create(
            [Bytes("a", 10), Bytes("b", 20), Bytes("c", 1), Bytes("big", 31), Bytes("empty", 0), Bytes("d", 30)], 30);

        Assert.That(
            string.Join(" | ", layout.Shards.Select(shard => string.Join(' ', shard.Tensors.Select(t => t.Name)))),
            Is.EqualTo("a b | c | big | empty d"));
        Assert.That(layout.Shards[2].FileName, Is.EqualTo("model-00003-of-00004.safetensors"));
    }

    [Test]
    public void Tensors_lie_end_to_end_in_the_order_given()
    {
        TensorSpec[] tensors = [Bytes("z", 3), new("a", DType.Float32, [2, 2]), new("m", DType.Float64, [])];

        var layout = CheckpointLayout.Create(tensors, 19);

        Assert.That((layout[0].Shard, layout[1].Shard, layout[2].Shard), Is.EqualTo((0, 0, 1)));
        Assert.That(Enumerable.Range(0, 3).Select(i => layout[i].Info.Name), Is.EqualTo(tensors.Select(t => t.Name)));
        long start = layout.Shards[0].Header.Length;
        Assert.That(layout[0].Info.Offset, Is.EqualTo(start));
        Assert.That(layout[1].Info.Offset, Is.EqualTo(start + 3));
        Assert.That(layout.Shards[0].Length, Is.EqualTo(start + 19));
        Assert.That(layout[2].Info.Offset, Is.EqualTo(layout.Shards[1].Header.Length));
        Assert.That(
            layout.TotalBytes, Is.EqualTo(layout.Shards.Sum(shard => shard.Length) + layout.Index!.Length));
    }

    [Test]
    public void The_index_maps_names_to_shards()
    {
        var layout = CheckpointLayout.Create([Bytes("a.weight", 3), Bytes("b.weight", 4)], 4);

        Assert.That(Encoding.UTF8.GetString(layout.Index!), Is.EqualTo("""
            {
              "metadata": {
                "total_size": 7
              },
              "weight_map": {
                "a.weight": "model-00001-of-00002.safetensors",
                "b.weight": "model-00002-of-00002.safetensors"
              }
            }

            """));
    }

    [Test]
    public void Sizes_beyond_32_bits_are_ordinary()
    {
        var layout = CheckpointLayout.Create(
            [new("a", DType.Float32, [100_000, 50_000]), new("b", DType.BFloat16, [3])], long.MaxValue);

        Assert.That(layout[1].Info.Offset - layout[0].Info.Offset, Is.EqualTo(20_000_000_000));
        Assert.That(layout[0].Info.ElementCount, Is.EqualTo(5_000_000_000));
    }

    [Test]
    public void A_name_used_twice_is_refused_even_in_different_shards() =>
        Assert.That(
            () => CheckpointLayout.Create([Bytes("a", 4), Bytes("b", 4), Bytes("a", 4)], 4),
            Throws.ArgumentException.With.Message.Contains("'a'"));

    [Test]
    public void A_shard_limit_of_nothing_is_refused() =>
        Assert.That(() => CheckpointLayout.Create([Bytes("a", 4)], 0), Throws.TypeOf<ArgumentOutOfRangeException>());

    private static TensorSpec Bytes(string name, long count) => new(name, DType.UInt8, [count]);
}
