using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

[EveryDevice]
public class CompactionTests(TestDevice device) : DeviceFixture(device)
{
    [Test]
    public void Kept_deltas_come_with_their_places_in_order(
        [ValueSource(typeof(TaskPair), nameof(TaskPair.Kinds))] string kind,
        [Values(DType.Int32, DType.Int64)] DType indexType)
    {
        int seed = 0;
        foreach (int length in new[] { 0, 1, 33, 1024, 4099, TileGrid.TileLength + 3 })
        {
            foreach (int share in new[] { 0, 1, 50, 99, 100 })
            {
                using SideBySide both = SideBySide();
                TaskPair pair = TaskPair.Make(both, kind, length, seed);
                DType valueType = TensorData.DTypes[seed++ % 4];
                long keep = (long)length * share / 100;
                TopKThreshold threshold = both.Same(
                    side => new[] { side.Queue.FindThreshold(side[pair.Base], side[pair.Expert], keep) }, $"{pair}")[0];

                // Exactly as much room as is needed: the guard bytes behind it are compared too.
                Place values = both.Room(valueType, (int)keep, seed % 3);
                Place indices = both.Room(indexType, (int)keep, seed % 2);
                long[] count = both.Same(
                    side => new[]
                    {
                        side.Queue.Compact(side[pair.Base], side[pair.Expert], threshold, side[values], side[indices]),
                    },
                    $"{pair}, {keep} kept");
                Assert.That(count[0], Is.EqualTo(keep));
            }
        }
    }

    [Test]
    public void More_room_than_needed_is_left_alone()
    {
        using SideBySide both = SideBySide();
        TaskPair pair = TaskPair.Make(both, "plain", 5000, 1);
        Place values = both.Room(DType.Float32, 5000, 1);
        Place indices = both.Room(DType.Int64, 5000, 1);
        var keep = new TopKThreshold(Formulas.Magnitude(0.04f), long.MaxValue);
        both.Same(
            side => new[] { side.Queue.Compact(side[pair.Base], side[pair.Expert], keep, side[values], side[indices]) },
            "room for all");
    }

    [Test]
    public void Too_little_room_still_tells_how_much_is_needed_and_writes_nowhere_else(
        [Values(0, 1, 100, 2499)] int room)
    {
        // What was written into the room is undefined, so guards alone are compared.
        using SideBySide both = SideBySide();
        TaskPair pair = TaskPair.Make(both, "plain", 5000, 2);
        var keep = new TopKThreshold(pair.Magnitudes.OrderDescending().ElementAt(2499), long.MaxValue);
        byte[] guards = new byte[16 * (room + 16)];
        guards.AsSpan().Fill(0xA5);
        (DType Type, int Size)[] types = [(DType.Float32, 4), (DType.Int64, 8)];
        DeviceBuffer[] buffers = [.. types.Select(_ => Device.Allocate(guards.Length))];
        DeviceSpan[] spans = [.. types.Select((t, i) => new DeviceSpan(buffers[i], 64, t.Type, room))];
        foreach (DeviceBuffer buffer in buffers)
        {
            Queue.Upload(guards, buffer.Span(DType.UInt8, guards.Length));
        }

        long count = both.OnTested(
            side => side.Queue.Compact(side[pair.Base], side[pair.Expert], keep, spans[0], spans[1]));
        Assert.That(count, Is.EqualTo(2500));
        for (int i = 0; i < types.Length; i++)
        {
            byte[] after = new byte[guards.Length];
            Queue.Download(buffers[i].Span(DType.UInt8, after.Length), after);
            Assert.That(after.AsSpan(0, 64).ContainsAnyExcept((byte)0xA5), Is.False, "before the room");
            Assert.That(after.AsSpan(64 + (room * types[i].Size)).ContainsAnyExcept((byte)0xA5), Is.False, "behind it");
            buffers[i].Dispose();
        }

        Queue.TakeNonFinite();
    }
}
