using System.Runtime.InteropServices;

namespace Interfuse.Compute;

internal sealed partial class CpuQueue
{
    protected override void StoreKeyValuesCore(
        in KeyValuePages pages, in TokenPlaces places, DeviceSpan keys, DeviceSpan values) =>
        Run(new StoreWork(pages, places, keys, values), checked((int)places.Tokens), 2 * keys.Length);

    protected override void AttentionCore(
        in KeyValuePages pages, in TokenPlaces places, DeviceSpan queries, float scale, int window, DeviceSpan result) =>
        Run(
            new AttentionWork(pages, places, queries, scale, window, result),
            checked((int)(places.Tokens * pages.Heads)),
            2 * queries.Length * places.PagesPerSequence * KeyValuePages.Length);

    private static int Word(DeviceSpan words, long index) => MemoryMarshal.Read<int>(Bytes(words, index, 1));

    // Where a page's keys of one head begin; its values do behind all heads' keys.
    private static long PageStart(in KeyValuePages pages, in TokenPlaces places, int sequence, int page, int head)
    {
        long number = Word(places.Pages, (sequence * places.PagesPerSequence) + page);
        long elements = KeyValuePages.ElementsPerPage(pages.Heads, pages.HeadLength);
        return (number * elements) + ((long)head * pages.HeadLength * KeyValuePages.Length);
    }

    private static long ValueOffset(in KeyValuePages pages) =>
        (long)pages.Heads * pages.HeadLength * KeyValuePages.Length;

    private readonly struct StoreWork(
        KeyValuePages pages, TokenPlaces places, DeviceSpan keys, DeviceSpan values) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            int sequence = Word(places.Sequences, part);
            (int page, int at) = Math.DivRem(Word(places.Positions, part), KeyValuePages.Length);
            int length = pages.HeadLength;
            for (int head = 0; head < pages.Heads; head++)
            {
                long start = PageStart(pages, places, sequence, page, head);
                long source = (((long)part * pages.Heads) + head) * length;
                ReadOnlySpan<float> key = Floats(keys, source, length);
                Span<float> column = FloatsTo(pages.Values, start, length * KeyValuePages.Length);
                for (int i = 0; i < length; i++)
                {
                    column[(i * KeyValuePages.Length) + at] = key[i];
                }

                Floats(values, source, length).CopyTo(
                    FloatsTo(pages.Values, start + ValueOffset(pages) + ((long)at * length), length));
            }
        }
    }

    // A part is one token's query heads that share a key-value head.
    private readonly struct AttentionWork(
        KeyValuePages pages, TokenPlaces places, DeviceSpan queries, float scale, int window, DeviceSpan result) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            (int token, int head) = Math.DivRem(part, pages.Heads);
            int length = pages.HeadLength;
            int queryHeads = (int)(queries.Length / (places.Tokens * length));
            int perHead = queryHeads / pages.Heads;
            int sequence = Word(places.Sequences, token);
            int end = Word(places.Positions, token) + 1;
            int first = Math.Max(0, end - window);
            for (int query = head * perHead; query < (head + 1) * perHead; query++)
            {
                long at = (((long)token * queryHeads) + query) * length;
                Attend(
                    workspace, Floats(queries, at, length), FloatsTo(result, at, length), sequence, head, first, end);
            }
        }

        private void Attend(
            CpuWorkspace workspace,
            ReadOnlySpan<float> query,
            Span<float> sums,
            int sequence,
            int head,
            int first,
            int end)
        {
            int firstPage = first / KeyValuePages.Length;
            int pageCount = ((end - 1) / KeyValuePages.Length) + 1 - firstPage;
            Span<float> scores = workspace.Sums(pageCount * KeyValuePages.Length);
            float greatest = float.NegativeInfinity;
            for (int page = 0; page < pageCount; page++)
            {
                long start = PageStart(pages, places, sequence, firstPage + page, head);
                (int low, int high) = Visible(firstPage + page, first, end);
                Span<float> ofPage = scores.Slice(page * KeyValuePages.Length, KeyValuePages.Length);
                workspace.Kernels.Scores(
                    query, Floats(pages.Values, start, pages.HeadLength * KeyValuePages.Length), scale, low, high, ofPage);
                greatest = CpuKernels.Greatest(ofPage[low..high], greatest);
            }

            sums.Clear();
            float total = 0f;
            Span<float> partial = stackalloc float[sums.Length];
            for (int page = 0; page < pageCount; page++)
            {
                long start = PageStart(pages, places, sequence, firstPage + page, head) + ValueOffset(pages);
                (int low, int high) = Visible(firstPage + page, first, end);
                Span<float> visible = scores[((page * KeyValuePages.Length) + low)..((page * KeyValuePages.Length) + high)];
                total += workspace.Kernels.ExpSum(visible, greatest, low % 16);
                workspace.Kernels.WeighValues(
                    visible, Floats(pages.Values, start + ((long)low * sums.Length), visible.Length * sums.Length), partial);
                workspace.Kernels.Add(partial, sums);
            }

            workspace.Kernels.Divide(sums, total);
        }

        // The positions of a page that are looked at.
        private static (int Low, int High) Visible(int page, int first, int end)
        {
            int start = page * KeyValuePages.Length;
            return (Math.Max(first - start, 0), Math.Min(end - start, KeyValuePages.Length));
        }
    }
}
