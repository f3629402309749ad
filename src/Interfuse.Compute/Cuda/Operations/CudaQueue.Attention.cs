namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    // By how many query heads a block does at once: 1, 2 or 4.
    private static readonly (string Tokens, string Scores, string Pages, string Combine)[] AttentionNames =
    [
        .. new[] { 1, 2, 4 }.Select(atOnce => (
            $"interfuse_attention_{atOnce}",
            $"interfuse_attention_scores_{atOnce}",
            $"interfuse_attention_pages_{atOnce}",
            $"interfuse_attention_combine_{atOnce}")),
    ];

    private const int StoreTile = 32;
    private const int StoreThreads = 256;

    // What a block of attention may take of a multiprocessor's shared memory, so that several stand on one.
    private const int AttentionSharedBytes = 40 << 10;

    // Scores and sums that blocks hand each other in memory, where pages are spread over blocks.
    private const long LargestAttentionScratch = 256L << 20;

    /// <inheritdoc/>
    protected override void StoreKeyValuesCore(
        in KeyValuePages pages, in TokenPlaces places, DeviceSpan keys, DeviceSpan values) =>
        Launch(
            "interfuse_store_key_values",
            Quotient(places.Tokens, StoreTile) * pages.Heads * Quotient(pages.HeadLength, StoreTile),
            StoreThreads,
            new StoreKeyValuesArguments(TokenPages(pages, places), Address(keys), Address(values), places.Tokens));

    /// <inheritdoc/>
    protected override void AttentionCore(
        in KeyValuePages pages, in TokenPlaces places, DeviceSpan queries, float scale, int window, DeviceSpan result)
    {
        long keyHeads = places.Tokens * pages.Heads;
        var arguments = new AttentionArguments
        {
            At = TokenPages(pages, places),
            Queries = Address(queries),
            Result = Address(result),
            Group = (int)(queries.Length / (keyHeads * pages.HeadLength)),
            Window = window,
            Scale = scale,
        };

        // Query heads that a block does at once, and the pages that there are at the most.
        int atOnce = arguments.Group switch { 1 => 1, 2 => 2, _ => 4 };
        long units = keyHeads * Quotient(arguments.Group, atOnce);
        long most = Math.Min(places.PagesPerSequence, ((window - 1) / KeyValuePages.Length) + 2);
        long scratch = units * most * atOnce * (KeyValuePages.Length + 2 + pages.HeadLength) * sizeof(float);
        if (most > 1 && units < 2L * Multiprocessors && scratch <= LargestAttentionScratch)
        {
            AttendByPages(arguments, atOnce, units, (int)most, scratch);
        }
        else
        {
            AttendByTokens(arguments, atOnce, units, most);
        }
    }

    private static TokenPagesArguments TokenPages(in KeyValuePages pages, in TokenPlaces places) => new(
        Address(pages.Values),
        Address(places.Sequences),
        Address(places.Positions),
        Address(places.Pages),
        places.PagesPerSequence,
        pages.Heads,
        pages.HeadLength);

    // A block does all pages of a unit. It keeps the scores of as many as there is room for, and makes others twice.
    private void AttendByTokens(AttentionArguments arguments, int atOnce, long units, long most)
    {
        int perPage = KeyValuePages.Length * atOnce * sizeof(float);
        int needed = (2 * arguments.At.HeadLength * atOnce * sizeof(float)) + (2 * perPage);
        arguments.Pages = (int)Math.Min(most, Math.Max(0, AttentionSharedBytes - needed) / perPage);
        Launch(
            AttentionNames[atOnce >> 1].Tokens, units, KeyValuePages.Length, arguments,
            needed + (arguments.Pages * perPage));
    }

    // A block does one page of a unit.
    private void AttendByPages(AttentionArguments arguments, int atOnce, long units, int pages, long scratch)
    {
        long ofPages = units * pages * atOnce;
        arguments.Pages = pages;
        arguments.Scores = Scratch(scratch);
        arguments.Greatest = arguments.Scores + (ulong)(ofPages * KeyValuePages.Length * sizeof(float));
        arguments.Totals = arguments.Greatest + (ulong)(ofPages * sizeof(float));
        arguments.Sums = arguments.Totals + (ulong)(ofPages * sizeof(float));
        Launch(
            AttentionNames[atOnce >> 1].Scores, units * pages, KeyValuePages.Length, arguments,
            arguments.At.HeadLength * atOnce * sizeof(float));
        Launch(AttentionNames[atOnce >> 1].Pages, units * pages, KeyValuePages.Length, arguments);
        Launch(AttentionNames[atOnce >> 1].Combine, units * atOnce, KeyValuePages.Length, arguments);
    }
}
