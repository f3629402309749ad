using Interfuse.Compute.Tests.Conformance;

namespace Interfuse.Compute.Tests;

[EveryPath]
public class PhiloxTests(CpuPath path)
{
    private readonly CpuKernels _kernels = new(path);

    // The known answers of the authors' own test suite (Random123, kat_vectors, "philox4x32 7"): counter, key, result.
    [TestCase(
        new uint[] { 0, 0, 0, 0 },
        new uint[] { 0, 0 },
        new uint[] { 0x5f6fb709, 0x0d893f64, 0x4f121f81, 0x4f730a48 })]
    [TestCase(
        new uint[] { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
        new uint[] { 0xffffffff, 0xffffffff },
        new uint[] { 0x5207ddc2, 0x45165e59, 0x4d8ee751, 0x8c52f662 })]
    [TestCase(
        new uint[] { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
        new uint[] { 0xa4093822, 0x299f31d0 },
        new uint[] { 0x4dfccaba, 0x190a87f0, 0xc47362ba, 0xb6b5242a })]
    public void The_reference_gives_the_known_answers(uint[] counter, uint[] key, uint[] expected) =>
        Assert.That(Philox.Block(Join(counter), (ulong)Join(key)), Is.EqualTo(Join(expected)));

    [Test]
    public void Seed_0_stream_0_starts_with_the_known_answer()
    {
        uint[] words = new uint[4];
        _kernels.PhiloxWords(0, 0, 0, words);
        Assert.That(words, Is.EqualTo(new uint[] { 0x5f6fb709, 0x0d893f64, 0x4f121f81, 0x4f730a48 }));
    }

    [TestCase(0ul, 0ul, 0L)]
    [TestCase(1ul, 2ul, 4L)]
    [TestCase(0x299f31d0_a4093822ul, 0x03707344_13198a2eul, 0x05a308d3_243f6a88L * 4)]
    [TestCase(ulong.MaxValue, ulong.MaxValue, long.MaxValue - 4099)]
    [TestCase(7ul, 8ul, (0xFFFF_FFFEL * 4))]
    public void Words_follow_the_counter_layout(ulong seed, ulong stream, long firstElement)
    {
        foreach (int length in Blocks.Lengths)
        {
            var destination = new Guarded<uint>(length);
            _kernels.PhiloxWords(seed, stream, firstElement, destination.Span);
            uint[] expected = new uint[length];
            for (int i = 0; i < length; i++)
            {
                expected[i] = Philox.Word(seed, stream, firstElement + i);
            }

            Assert.That(destination.Checked(), Is.EqualTo(expected), $"{length} elements");
        }
    }

    [TestCase(0ul, 0ul, 0L)]
    [TestCase(1ul, 2ul, 8L)]
    [TestCase(0x299f31d0_a4093822ul, 0x03707344_13198a2eul, 0x05a308d3_243f6a88L * 8)]
    [TestCase(ulong.MaxValue, ulong.MaxValue, long.MaxValue - 12295)]
    [TestCase(7ul, 8ul, (0xFFFF_FFFEL * 8))]
    public void Numbers_are_the_halves_of_the_words(ulong seed, ulong stream, long firstElement)
    {
        // Besides the usual lengths, those at which the widest path changes from many counters at a time to fewer.
        foreach (int length in (int[])[.. Blocks.Lengths, 383, 384, 385, 767, 768, 11136, 11143])
        {
            var destination = new Guarded<ushort>(length);
            _kernels.PhiloxNumbers(seed, stream, firstElement, destination.Span);
            ushort[] expected = new ushort[length];
            for (int i = 0; i < length; i++)
            {
                expected[i] = Philox.Number(seed, stream, firstElement + i);
            }

            Assert.That(destination.Checked(), Is.EqualTo(expected), $"{length} elements");
        }
    }

    [TestCase(1L)]
    [TestCase(4L)]
    [TestCase(-8L)]
    public void A_first_number_inside_a_counter_is_refused(long firstElement) =>
        Assert.That(
            () => _kernels.PhiloxNumbers(0, 0, firstElement, new ushort[8]), Throws.InstanceOf<ArgumentException>());

    [TestCase(1L)]
    [TestCase(-4L)]
    public void A_first_element_inside_a_counter_is_refused(long firstElement) =>
        Assert.That(
            () => _kernels.PhiloxWords(0, 0, firstElement, new uint[4]), Throws.InstanceOf<ArgumentException>());

    private static UInt128 Join(uint[] words) =>
        words.Reverse().Aggregate(UInt128.Zero, (all, word) => (all << 32) | word);
}
