using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

public partial class RefusalTests
{
    /// <summary>The same for what a decoder does. Twenty-four floats are three tokens' rows of eight.</summary>
    private static IEnumerable<Mistake> DecoderMistakes =>
    [
        new("norm of rows of nothing", "columns", (q, s) =>
            q.RmsNorm(Rows(s, 0), Weights(s), Tokens(s), 0, 0f, Rows(s, 3))),
        new("norm of broken rows", "no rows of 7", (q, s) =>
            q.RmsNorm(Rows(s, 0), Weights(s), Tokens(s), 7, 0f, Rows(s, 3))),
        new("norm by broken weights", "no rows of 8 for experts", (q, s) =>
            q.RmsNorm(Rows(s, 0), s.Part(1, DType.Float32, 9), Tokens(s), 8, 0f, Rows(s, 3))),
        new("norm by no weights", "no rows of 8 for experts", (q, s) =>
            q.RmsNorm(Rows(s, 0), s.Part(1, DType.Float32, 0), Tokens(s), 8, 0f, Rows(s, 3))),
        new("norm for nobody", "0 items", (q, s) =>
            q.RmsNorm(Rows(s, 0), Weights(s), s.Part(2, DType.Int32, 0), 8, 0f, Rows(s, 3))),
        new("norm for experts of 64 bits", "I32", (q, s) =>
            q.RmsNorm(Rows(s, 0), Weights(s), s.Part(2, DType.Int64, 3), 8, 0f, Rows(s, 3))),
        new("norm of halves", "F16 is not F32", (q, s) =>
            q.RmsNorm(s.Part(0, DType.Float16, 24), Weights(s), Tokens(s), 8, 0f, Rows(s, 3))),
        new("norm by halves", "F16 is not F32", (q, s) =>
            q.RmsNorm(Rows(s, 0), s.Part(1, DType.Float16, 8), Tokens(s), 8, 0f, Rows(s, 3))),
        new("norm to fewer rows", "length", (q, s) =>
            q.RmsNorm(Rows(s, 0), Weights(s), Tokens(s), 8, 0f, s.Part(3, DType.Float32, 16))),
        new("norm that overlaps", "overlaps", (q, s) =>
            q.RmsNorm(Rows(s, 0), Weights(s), Tokens(s), 8, 0f, s.Shifted(0).Slice(0, 24))),
        new("norm over its weights", "overlaps", (q, s) =>
            q.RmsNorm(Rows(s, 0), Weights(s), Tokens(s), 8, 0f, Rows(s, 1))),

        new("bias of broken rows", "no rows of 5", (q, s) => q.AddBias(Rows(s, 0), Weights(s), Tokens(s), 5)),
        new("bias of halves", "F16 is not F32", (q, s) =>
            q.AddBias(Rows(s, 0), s.Part(1, DType.Float16, 8), Tokens(s), 8)),
        new("bias onto itself", "overlaps", (q, s) => q.AddBias(Rows(s, 0), Rows(s, 0), Tokens(s), 8)),

        new("rotation of single elements", "headLength", (q, s) => q.Rotate(Rows(s, 0), Rows(s, 1), 1)),
        new("rotation of odd heads", "no heads of 3", (q, s) => q.Rotate(Rows(s, 0), Rows(s, 1), 3)),
        new("rotation by no angles", "0 angles", (q, s) => q.Rotate(Rows(s, 0), s.Part(1, DType.Float32, 0), 4)),
        new("rotation by broken angles", "6 angles", (q, s) => q.Rotate(Rows(s, 0), s.Part(1, DType.Float32, 6), 4)),
        new("rotation of a part of the heads", "no heads", (q, s) =>
            q.Rotate(s.Part(0, DType.Float32, 20), s.Part(1, DType.Float32, 8), 4)),
        new("rotation of doubles", "F64 is not F32", (q, s) =>
            q.Rotate(s.Part(0, DType.Float64, 24), s.Part(1, DType.Float32, 8), 4)),
        new("rotation by itself", "overlaps", (q, s) => q.Rotate(Rows(s, 0), Rows(s, 0), 4)),

        new("gates of two lengths", "length", (q, s) => q.SwiGlu(Rows(s, 0), s.Floats(1), Rows(s, 2))),
        new("gates of halves", "F16 is not F32", (q, s) =>
            q.SwiGlu(s.Part(0, DType.Float16, 24), Rows(s, 1), Rows(s, 2))),
        new("gates that overlap", "overlaps", (q, s) => q.SwiGlu(s.Floats(0), s.Floats(1), s.Shifted(0))),

        new("a window of nothing", "window", (q, s) => Attend(q, s, s.Part(2, DType.Float32, 2), window: 0)),
        new("queries of nobody", "0 elements", (q, s) => Attend(q, s, s.Part(2, DType.Float32, 0))),
        new("a part of a query", "3 elements", (q, s) => Attend(q, s, s.Part(2, DType.Float32, 3))),
        new("queries of integers", "I32 is not F32", (q, s) => Attend(q, s, s.Part(2, DType.Int32, 2))),
        new("keys of another length", "length", (q, s) =>
        {
            DeviceBuffer buffer = s.Floats(0).Buffer;
            (KeyValuePages pages, TokenPlaces places) = Context(s);
            q.StoreKeyValues(pages, places, buffer.Span(DType.Float32, 3), buffer.Span(DType.Float32, 2));
        }),
        new("keys out of their own pages", "overlaps", (q, s) =>
        {
            (KeyValuePages pages, TokenPlaces places) = Context(s);
            q.StoreKeyValues(pages, places, pages.Values.Slice(0, 2), s.Part(2, DType.Float32, 2));
        }),
        new("attention over its queries", "overlaps", (q, s) =>
        {
            (KeyValuePages pages, TokenPlaces places) = Context(s);
            DeviceSpan queries = s.Part(2, DType.Float32, 2);
            q.Attention(pages, places, queries, 1f, 1, queries);
        }),
        new("half a page", "no whole pages", (_, s) => Describe(s.Part(0, DType.Float32, 128), 1, 1)),
        new("pages of halves", "F16", (_, s) => Describe(s.Part(0, DType.Float16, 256), 1, 1)),
        new("pages of no heads", "heads", (_, s) => Describe(s.Part(0, DType.Float32, 0), 0, 1)),
        new("places of 64 bits", "I32", (_, s) =>
            Describe(s.Part(2, DType.Int64, 2), s.Part(2, DType.Int32, 2), s.Part(2, DType.Int32, 2), 1)),
        new("fewer positions than tokens", "1 positions", (_, s) =>
            Describe(s.Part(2, DType.Int32, 2), s.Part(2, DType.Int32, 1), s.Part(2, DType.Int32, 2), 1)),
        new("pages for some sequences", "3 pages of 2", (_, s) =>
            Describe(s.Part(2, DType.Int32, 2), s.Part(2, DType.Int32, 2), s.Part(2, DType.Int32, 3), 2)),
        new("places of no sequences", "sequenceCount", (_, s) =>
            Describe(s.Part(2, DType.Int32, 2), s.Part(2, DType.Int32, 2), s.Part(2, DType.Int32, 2), 0)),
    ];

    [TestCaseSource(nameof(DecoderMistakes))]
    public void A_mistake_in_a_decoders_operation_is_named(Mistake mistake) =>
        Refused(queue => mistake.Call(queue, new Places(_buffer!)), mistake.Message);

    private static DeviceSpan Rows(Places places, int place) => places.Part(place, DType.Float32, 24);

    private static DeviceSpan Weights(Places places) => places.Part(1, DType.Float32, 8);

    private static DeviceSpan Tokens(Places places) => places.Part(2, DType.Int32, 3);

    // One page of heads of one element, over the first places, and two tokens.
    private static (KeyValuePages, TokenPlaces) Context(Places places)
    {
        DeviceBuffer buffer = places.Floats(0).Buffer;
        DeviceSpan words = places.Part(3, DType.Int32, 5);
        return (
            new KeyValuePages(buffer.Span(DType.Float32, KeyValuePages.ElementsPerPage(1, 1)), 1, 1),
            new TokenPlaces(words.Slice(0, 2), words.Slice(2, 2), words.Slice(4, 1), 1));
    }

    private static void Describe(DeviceSpan values, int heads, int headLength) =>
        _ = new KeyValuePages(values, heads, headLength);

    private static void Describe(DeviceSpan sequences, DeviceSpan positions, DeviceSpan pages, int sequenceCount) =>
        _ = new TokenPlaces(sequences, positions, pages, sequenceCount);

    private static void Attend(DeviceQueue queue, Places places, DeviceSpan queries, int window = 1)
    {
        (KeyValuePages pages, TokenPlaces tokens) = Context(places);
        queue.Attention(pages, tokens, queries, 1f, window, places.Part(3, DType.Float32, 2));
    }
}
