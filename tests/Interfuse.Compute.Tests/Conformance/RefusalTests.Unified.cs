using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

// What electing a unified task vector refuses.
public partial class RefusalTests
{
    private static IEnumerable<Mistake> UnifiedMistakes =>
    [
        new("a unified vector of nobody", "0 experts", (q, s) =>
            q.ElectUnified(s.Floats(0), [], Channels, Half(s), Masks(s), Sums(s))),
        new("a unified vector of too many", "give 1 to 16", (q, s) => q.ElectUnified(
            s.Floats(0), [.. Enumerable.Repeat(s.Floats(1), 17)], Channels, Half(s), Masks(s), Sums(s))),
        new("a unified vector of integers", "arithmetic", (q, s) => q.ElectUnified(
            s.Floats(0), [s.Part(1, DType.Int32, Length)], Channels, Half(s), Masks(s), Sums(s))),
        new("a unified vector of two lengths", "length", (q, s) => q.ElectUnified(
            s.Floats(0), [s.Part(1, DType.Float32, 39)], Channels, Half(s), Masks(s), Sums(s))),
        new("a unified vector of ragged channels", "7 channels", (q, s) =>
            q.ElectUnified(s.Floats(0), [s.Floats(1)], 7, Half(s), Masks(s), Sums(s))),
        new("a unified vector in integers", "arithmetic", (q, s) => q.ElectUnified(
            s.Floats(0), [s.Floats(1)], Channels, s.Part(2, DType.Int16, Length), Masks(s), Sums(s))),
        new("half a unified vector", "length", (q, s) => q.ElectUnified(
            s.Floats(0), [s.Floats(1)], Channels, s.Part(2, DType.Float16, 20), Masks(s), Sums(s))),
        new("masks of bytes", "U8 is not U32", (q, s) => q.ElectUnified(
            s.Floats(0), [s.Floats(1)], Channels, Half(s), s.Part(3, DType.UInt8, Channels), Sums(s))),
        new("masks without words for the rows", "length", (q, s) => q.ElectUnified(
            s.Floats(0), [s.Floats(1)], Channels, Half(s), s.Part(3, DType.UInt32, 2), Sums(s))),
        new("sums in float32", "F32 is not F64", (q, s) => q.ElectUnified(
            s.Floats(0), [s.Floats(1)], Channels, Half(s), Masks(s), s.Part(3, DType.Float32, 5 * Channels))),
        new("sums of half the rows", "length", (q, s) => q.ElectUnified(
            s.Floats(0), [s.Floats(1)], Channels, Half(s), Masks(s), s.Part(3, DType.Float64, 20))),
        new("a unified vector over the base", "overlaps", (q, s) =>
            q.ElectUnified(s.Floats(0), [s.Floats(1)], Channels, s.Floats(0), Masks(s), Sums(s))),
        new("masks over the unified vector", "overlaps", (q, s) => q.ElectUnified(
            s.Floats(0), [s.Floats(1)], Channels, Half(s), s.Part(2, DType.UInt32, Channels), Sums(s))),
        new("sums over an expert", "overlaps", (q, s) => q.ElectUnified(
            s.Floats(0), [s.Floats(1)], Channels, Half(s), Masks(s), s.Part(1, DType.Float64, 5 * Channels))),
    ];

    // The third place has room for both, the fourth for the sums.
    private static DeviceSpan Half(Places places) => places.Part(2, DType.Float16, Length);

    private static DeviceSpan Masks(Places places) =>
        new(places.Floats(2).Buffer, places.Floats(2).ByteOffset + (2 * Length), DType.UInt32, Channels);

    private static DeviceSpan Sums(Places places) => places.Part(3, DType.Float64, 5 * Channels);
}
