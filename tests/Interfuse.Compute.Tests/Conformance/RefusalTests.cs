using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>Arguments that break the contract are refused before anything is done; the message says which.</summary>
[EveryDevice]
public partial class RefusalTests(TestDevice device) : DeviceFixture(device)
{
    private const int Length = 40;
    private const int Channels = 8;

    private static readonly Consensus Plain = new(Normalize: true, 1f, ZeroSum.Positive);

    private DeviceBuffer? _buffer;

    /// <summary>What is wrong, what the message has to name, and the call that is wrong.</summary>
    private static IEnumerable<Mistake> Mistakes =>
    [
        new("upload of other bytes", "bytes", (q, s) => q.Upload(new byte[3], s.Floats(0))),
        new("download of other bytes", "bytes", (q, s) => q.Download(s.Floats(0), new byte[(4 * Length) + 1])),
        new("copy to another type", "one type", (q, s) => q.Copy(s.Floats(0), s.Part(1, DType.Int32, Length))),
        new("copy of another length", "length", (q, s) => q.Copy(s.Floats(0), s.Part(1, DType.Float32, Length - 1))),
        new("copy onto itself", "separate", (q, s) => q.Copy(s.Floats(0), s.Floats(0))),
        new("copy that overlaps", "separate", (q, s) => q.Copy(s.Floats(0), s.Shifted(0))),

        new("converted integers", "arithmetic", (q, s) => q.Convert(s.Part(0, DType.Int32, Length), s.Floats(1))),
        new("conversion to FP8", "F8_E4M3", (q, s) => q.Convert(s.Floats(0), s.Part(1, DType.Float8E4M3, Length))),
        new("conversion of another length", "length", (q, s) => q.Convert(s.Part(0, DType.Float16, 39), s.Floats(1))),
        new("conversion that overlaps", "overlaps", (q, s) => q.Convert(s.Floats(0), s.Shifted(0))),
        new("narrowing in place", "overlaps", (q, s) => q.Convert(s.Floats(0), s.Part(0, DType.BFloat16, Length))),

        new("no inputs", "at least one", (q, s) => q.LinearCombination([], [], s.Floats(0))),
        new("fewer weights", "2 experts and 1 weights", (q, s) =>
            q.LinearCombination([s.Floats(0), s.Floats(1)], [1f], s.Floats(2))),
        new("sum that overlaps", "overlaps", (q, s) =>
            q.LinearCombination([s.Floats(0), s.Floats(1)], [1f, 1f], s.Shifted(1))),
        new("sum of another length", "length", (q, s) =>
            q.LinearCombination([s.Floats(0), s.Floats(1)], [1f, 1f], s.Part(2, DType.Float32, 1))),
        new("sum of integers", "arithmetic", (q, s) =>
            q.LinearCombination([s.Part(0, DType.UInt16, Length)], [1f], s.Floats(2))),

        new("trim inside a counter", "multiple of 8", (q, s) =>
            q.TaskVector(s.Floats(0), s.Floats(1), TopKThreshold.All, 4, s.Floats(2))),
        new("trim before the tensor", "firstElement", (q, s) =>
            q.TaskVector(s.Floats(0), s.Floats(1), TopKThreshold.All, -4, s.Floats(2))),
        new("trim that overlaps", "overlaps", (q, s) =>
            q.TaskVector(s.Floats(0), s.Floats(1), TopKThreshold.All, 0, s.Shifted(1))),

        new("sweep of two lengths", "length", (q, s) =>
            q.Dot(s.Floats(0), s.Part(1, DType.Float32, 3), new DotProducts[1])),
        new("sweep with too few tiles", "length", (q, s) => q.Dot(s.Floats(0), s.Floats(1), [])),
        new("sums with too many tiles", "length", (q, s) =>
            q.MagnitudeSums(s.Floats(0), s.Floats(1), new(1f), 0, new MagnitudeSum[2])),
        new("sums inside a counter", "multiple of 8", (q, s) =>
            q.MagnitudeSums(s.Floats(0), s.Floats(1), new(1f), 4, new MagnitudeSum[1])),

        new("conflicts of nobody", "at least one", (q, s) => q.CountConflicts(s.Floats(0), [], [], 0, new long[2])),
        new("conflicts of two lengths", "length", (q, s) =>
            q.CountConflicts(s.Floats(0), [s.Part(1, DType.Float32, 3)], [TopKThreshold.All], 0, new long[2])),
        new("conflicts with too few counts", "4 counts", (q, s) =>
            q.CountConflicts(
                s.Floats(0), [s.Floats(1), s.Floats(2)], [TopKThreshold.All, TopKThreshold.All], 0, new long[3])),
        new("conflicts inside a counter", "multiple of 8", (q, s) =>
            q.CountConflicts(s.Floats(0), [s.Floats(1)], [TopKThreshold.All], 2, new long[2])),

        new("k below 0", "keep", (q, s) => q.FindThreshold(s.Floats(0), s.Floats(1), -1)),
        new("k above all", "keep", (q, s) => q.FindThreshold(s.Floats(0), s.Floats(1), Length + 1)),
        new("selection of two lengths", "length", (q, s) =>
            q.FindThreshold(s.Floats(0), s.Part(1, DType.Float32, 3), 1)),
        new("selection from integers", "arithmetic", (q, s) =>
            q.FindThreshold(s.Floats(0), s.Part(1, DType.UInt32, Length), 1)),

        new("compaction to integers", "arithmetic", (q, s) =>
            Compact(q, s, s.Part(2, DType.Int32, 4), s.Part(3, DType.Int32, 4))),
        new("compaction of two lengths", "length", (q, s) =>
            Compact(q, s, s.Part(2, DType.Float32, 4), s.Part(3, DType.Int32, 5))),
        new("compaction to places of another type", "Int64", (q, s) =>
            Compact(q, s, s.Part(2, DType.Float32, 4), s.Part(3, DType.UInt32, 4))),
        new("compaction in place", "memory of its own", (q, s) =>
            Compact(q, s, s.Floats(0), s.Part(3, DType.Int32, Length))),
        new("compaction onto itself", "memory of its own", (q, s) =>
            Compact(q, s, s.Floats(2), s.Part(2, DType.Int32, Length))),

        new("shift below 0", "shift", (q, s) => q.MagnitudeHistogram(s.Floats(0), s.Floats(1), 0, -1, new long[1])),
        new("shift above 31", "shift", (q, s) => q.MagnitudeHistogram(s.Floats(0), s.Floats(1), 0, 32, new long[1])),
        new("no bins", "bins", (q, s) => q.MagnitudeHistogram(s.Floats(0), s.Floats(1), 0, 0, [])),
        new("too many bins", "bins", (q, s) => q.MagnitudeHistogram(s.Floats(0), s.Floats(1), 0, 0, new long[4097])),
        new("too little room for candidates", "room", (q, s) =>
            q.CountAndCollect(s.Floats(0), s.Floats(1), 0, 0, new TileCount[1], new uint[Length - 1])),
        new("counts for too many tiles", "length", (q, s) => q.CountEqual(s.Floats(0), s.Floats(1), 0, new int[2])),
        new("equal number -1", "'n'", (q, s) => q.IndexOfEqual(s.Floats(0), s.Floats(1), 0, -1)),

        new("Gram matrices of nobody", "0 experts", (q, s) =>
            q.ChannelGrams(s.Floats(0), [], Channels, s.Part(2, DType.Float64, 0))),
        new("Gram matrices of too many", "give 1 to 16", (q, s) =>
            q.ChannelGrams(s.Floats(0), [.. Enumerable.Repeat(s.Floats(1), 17)], 1, s.Part(2, DType.Float64, 40))),
        new("Gram matrices of integers", "arithmetic", (q, s) =>
            q.ChannelGrams(s.Floats(0), [s.Part(1, DType.Int32, Length)], Channels, s.Grams(2))),
        new("Gram matrices of two lengths", "length", (q, s) =>
            q.ChannelGrams(s.Floats(0), [s.Part(1, DType.Float32, 39)], Channels, s.Grams(2))),
        new("Gram matrices of ragged channels", "7 channels", (q, s) =>
            q.ChannelGrams(s.Floats(0), [s.Floats(1)], 7, s.Part(2, DType.Float64, 7))),
        new("Gram matrices of no channels", "0 channels", (q, s) =>
            q.ChannelGrams(s.Floats(0), [s.Floats(1)], 0, s.Part(2, DType.Float64, 0))),
        new("Gram matrices in float32", "F32 is not F64", (q, s) =>
            q.ChannelGrams(s.Floats(0), [s.Floats(1)], Channels, s.Part(2, DType.Float32, Channels))),
        new("room for half the Gram matrices", "length", (q, s) =>
            q.ChannelGrams(s.Floats(0), [s.Floats(1), s.Floats(1)], Channels, s.Part(2, DType.Float64, 16))),
        new("Gram matrices over an expert", "overlaps", (q, s) =>
            q.ChannelGrams(s.Floats(0), [s.Floats(1)], Channels, s.Grams(1))),

        new("groups of too many", "give 1 to 16", (q, s) =>
            q.MergeGroups(s.Floats(0), [.. Enumerable.Repeat(s.Floats(1), 17)], 1, 1f, s.Table(2), s.Floats(3))),
        new("groups of ragged channels", "7 channels", (q, s) =>
            q.MergeGroups(s.Floats(0), [s.Floats(1)], 7, 1f, s.Table(2), s.Floats(3))),
        new("groups times infinity", "finite", (q, s) =>
            q.MergeGroups(s.Floats(0), [s.Floats(1)], Channels, float.PositiveInfinity, s.Table(2), s.Floats(3))),
        new("a table of bytes", "U8 is not I32", (q, s) =>
            q.MergeGroups(s.Floats(0), [s.Floats(1)], Channels, 1f, s.Part(2, DType.UInt8, Channels), s.Floats(3))),
        new("a table of fewer experts", "length", (q, s) =>
            q.MergeGroups(s.Floats(0), [s.Floats(1), s.Floats(1)], Channels, 1f, s.Table(2), s.Floats(3))),
        new("a bank of integers", "arithmetic", (q, s) => q.MergeGroups(
            s.Floats(0), [s.Floats(1)], Channels, 1f, s.Table(2), s.Part(3, DType.Int32, Length))),
        new("a bank without rows", "rows of 5", (q, s) => q.MergeGroups(
            s.Floats(0), [s.Floats(1)], Channels, 1f, s.Table(2), s.Part(3, DType.Float32, 0))),
        new("a bank of broken rows", "rows of 5", (q, s) => q.MergeGroups(
            s.Floats(0), [s.Floats(1)], Channels, 1f, s.Table(2), s.Part(3, DType.Float32, 39))),
        new("a bank over the base", "overlaps", (q, s) =>
            q.MergeGroups(s.Floats(0), [s.Floats(1)], Channels, 1f, s.Table(2), s.Floats(0))),
        new("a bank over its table", "overlaps", (q, s) =>
            q.MergeGroups(s.Floats(0), [s.Floats(1)], Channels, 1f, s.Table(2), s.Floats(2))),

        .. UnifiedMistakes,
    ];

    /// <summary>The same for both ways to merge.</summary>
    private static IEnumerable<MergeMistake> MergeMistakes =>
    [
        new("no experts", "at least one", s => ([], [], 0, s.Floats(2))),
        new("more terms", "1 experts and 2 weights", s => ([s.Floats(1)], [new(1f), new(1f)], 0, s.Floats(2))),
        new("inside a counter", "multiple of 8", s => ([s.Floats(1)], [new(1f)], 4, s.Floats(2))),
        new("before the tensor", "firstElement", s => ([s.Floats(1)], [new(1f)], -1, s.Floats(2))),
        new("of another length", "length", s =>
            ([s.Floats(1), s.Part(2, DType.Float32, 3)], [new(1f), new(1f)], 0, s.Floats(3))),
        new("to another length", "length", s => ([s.Floats(1)], [new(1f)], 0, s.Part(2, DType.Float32, Length + 1))),
        new("over the base", "overlaps", s => ([s.Floats(1)], [new(1f)], 0, s.Shifted(0))),
        new("over an expert", "overlaps", s => ([s.Floats(1), s.Floats(2)], [new(1f), new(1f)], 0, s.Shifted(2))),
        new("of booleans", "BOOL", s => ([s.Part(1, DType.Bool, Length)], [new(1f)], 0, s.Floats(2))),
    ];

    [OneTimeSetUp]
    public void Allocate() => _buffer = Device.Allocate(Places.ByteLength);

    [OneTimeTearDown]
    public void Free() => _buffer?.Dispose();

    [TestCaseSource(nameof(Mistakes))]
    public void A_mistake_is_named(Mistake mistake) =>
        Refused(queue => mistake.Call(queue, new Places(_buffer!)), mistake.Message);

    [TestCaseSource(nameof(MergeMistakes))]
    public void A_mistake_in_a_merge_is_named(MergeMistake mistake)
    {
        var places = new Places(_buffer!);
        (DeviceSpan[] experts, TaskTerm[] terms, long first, DeviceSpan destination) = mistake.Arguments(places);
        Refused(q => q.AddTaskVectors(places.Floats(0), experts, terms, Plain, first, destination), mistake.Message);
        Refused(q => q.ElectAndMerge(places.Floats(0), experts, terms, Plain, first, destination), mistake.Message);
    }

    [Test]
    public void More_experts_than_the_device_takes_are_refused()
    {
        Assert.That(Device.MaxExperts, Is.GreaterThanOrEqualTo(16));
        Assume.That(Device.MaxExperts, Is.LessThan(1000), "this device takes any number");
        int experts = Device.MaxExperts + 1;
        var places = new Places(_buffer!);
        DeviceSpan[] inputs = [.. Enumerable.Repeat(places.Floats(1), experts)];
        TaskTerm[] terms = [.. Enumerable.Repeat(new TaskTerm(1f), experts)];
        string message = $"up to {Device.MaxExperts}";
        Refused(q => q.LinearCombination(inputs, new float[experts], places.Floats(2)), message);
        Refused(q => q.AddTaskVectors(places.Floats(0), inputs, terms, Plain, 0, places.Floats(2)), message);
        Refused(q => q.ElectAndMerge(places.Floats(0), inputs, terms, Plain, 0, places.Floats(2)), message);
    }

    [Test]
    public void A_transfer_of_more_than_there_is_is_refused()
    {
        using TransferBuffer buffer = Device.AllocateTransfer(10);
        Refused(q => q.Upload(buffer, 11), "byteLength");
        Refused(q => q.Download(buffer, 11), "byteLength");
        Refused(q => q.Upload(buffer, -1), "byteLength");
    }

    [Test]
    public void Elements_beyond_a_buffer_or_out_of_step_are_refused()
    {
        DeviceBuffer buffer = _buffer!;
        Assert.That(
            () => buffer.Span(DType.Float64, (Places.ByteLength / 8) + 1),
            Throws.ArgumentException.With.Message.Contains("fit"));
        Assert.That(
            () => new DeviceSpan(buffer, 2, DType.Float32, 1),
            Throws.ArgumentException.With.Message.Contains("4 bytes"));
        Assert.That(
            () => new DeviceSpan(buffer, long.MaxValue & ~7L, DType.Float64, 1),
            Throws.InstanceOf<ArgumentException>());
        Assert.That(
            () => buffer.Span(DType.Float32, long.MaxValue), Throws.InstanceOf<ArgumentException>());
        Assert.That(
            () => buffer.Span(DType.Float32, 4).Slice(2, 3), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    private static void Compact(DeviceQueue queue, Places places, DeviceSpan values, DeviceSpan indices) =>
        queue.Compact(places.Floats(0), places.Floats(1), TopKThreshold.None, values, indices);

    // Refused, nothing written, and the queue works on.
    private void Refused(Action<DeviceQueue> call, string message)
    {
        DeviceSpan all = _buffer!.Span(DType.UInt8, Places.ByteLength);
        byte[] before = [.. Enumerable.Range(0, Places.ByteLength).Select(i => (byte)i)];
        Queue.Upload(before, all);
        Assert.That(
            () => call(Queue), Throws.InstanceOf<ArgumentException>().With.Message.Contains(message).IgnoreCase);
        byte[] after = new byte[Places.ByteLength];
        Queue.Download(all, after);
        Assert.That(after.AsSpan().SequenceEqual(before), "something was written");
    }

    /// <summary>Four places for <see cref="Length"/> float64 in one buffer.</summary>
    public sealed class Places(DeviceBuffer buffer)
    {
        public const int ByteLength = 4 * 8 * Length;

        public DeviceSpan Floats(int place) => Part(place, DType.Float32, Length);

        public DeviceSpan Part(int place, DType dtype, int length) => new(buffer, place * 8 * Length, dtype, length);

        /// <summary>Room for the Gram matrices of one expert.</summary>
        public DeviceSpan Grams(int place) => Part(place, DType.Float64, Channels);

        /// <summary>A table of one expert's rows.</summary>
        public DeviceSpan Table(int place) => Part(place, DType.Int32, Channels);

        /// <summary>The floats of a place from the second on, and one more.</summary>
        public DeviceSpan Shifted(int place) => new(buffer, (place * 8 * Length) + 4, DType.Float32, Length);
    }

    /// <summary>A call that is wrong.</summary>
    public sealed record Mistake(string What, string Message, Action<DeviceQueue, Places> Call)
    {
        public override string ToString() => What;
    }

    /// <summary>Arguments of a merge that are wrong.</summary>
    public sealed record MergeMistake(
        string What, string Message, Func<Places, (DeviceSpan[], TaskTerm[], long, DeviceSpan)> Arguments)
    {
        public override string ToString() => What;
    }
}
