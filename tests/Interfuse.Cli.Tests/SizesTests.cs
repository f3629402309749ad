namespace Interfuse.Cli.Tests;

public sealed class SizesTests
{
    [TestCase("1", 1)]
    [TestCase("1000000", 1_000_000)]
    [TestCase("512MiB", 512L << 20)]
    [TestCase("4GiB", 4L << 30)]
    [TestCase("4gib", 4L << 30)]
    [TestCase("4 GiB", 4L << 30)]
    [TestCase("5GB", 5_000_000_000)]
    [TestCase("5G", 5_000_000_000)]
    [TestCase("1.5k", 1_500)]
    [TestCase("0.5KiB", 512)]
    [TestCase("2TiB", 2L << 40)]
    [TestCase("3TB", 3_000_000_000_000)]
    [TestCase("7M", 7_000_000)]
    [TestCase("9223372036854775806", 9223372036854775806)]
    public void Sizes_are_decimal_without_the_i_and_binary_with_it(string text, long bytes)
    {
        Assert.That(Sizes.TryParse(text, out long parsed), Is.True);
        Assert.That(parsed, Is.EqualTo(bytes));
    }

    [TestCase("")]
    [TestCase("GB")]
    [TestCase("0")]
    [TestCase("0.3")]
    [TestCase("-1GB")]
    [TestCase("+1GB")]
    [TestCase("5B", Description = "mergekit's five billion parameters, not five bytes")]
    [TestCase("5Q")]
    [TestCase("1,5GB")]
    [TestCase("1e9")]
    [TestCase("0x10")]
    [TestCase("1.2.3GB")]
    [TestCase("4GiBs")]
    [TestCase("8388608TiB")]
    [TestCase("99999999999999999999999999999999")]
    public void What_is_no_size_of_a_byte_or_more_is_refused(string text)
    {
        Assert.That(Sizes.TryParse(text, out _), Is.False);
    }

    [TestCase(0, "0 B")]
    [TestCase(999, "999 B")]
    [TestCase(1000, "1.00 kB")]
    [TestCase(9_994, "9.99 kB")]
    [TestCase(9_996, "10.0 kB")]
    [TestCase(99_960, "100 kB")]
    [TestCase(999_499, "999 kB")]
    [TestCase(999_500, "1.00 MB")]
    [TestCase(2_200_119_832, "2.20 GB")]
    [TestCase(1e18, "1000 PB")]
    public void Sizes_on_disk_have_three_digits_and_decimal_units(double bytes, string text)
    {
        Assert.That(Sizes.Format(bytes), Is.EqualTo(text));
    }

    [TestCase(4L << 30, "4.00 GiB")]
    [TestCase(512L << 20, "512 MiB")]
    [TestCase(1023L << 20, "1023 MiB")]
    [TestCase(1536, "1.50 KiB")]
    public void Sizes_in_memory_have_binary_units(double bytes, string text)
    {
        Assert.That(Sizes.FormatMemory(bytes), Is.EqualTo(text));
    }

    [TestCase(12, "12")]
    [TestCase(1_100_048_384, "1.10 B")]
    [TestCase(124_000_000, "124 M")]
    [TestCase(1_040_000_000_000, "1.04 T")]
    public void Parameters_are_counted_as_the_field_does(double count, string text)
    {
        Assert.That(Sizes.FormatParameters(count), Is.EqualTo(text));
    }

    [TestCase(0, "0 files")]
    [TestCase(1, "1 file")]
    [TestCase(2, "2 files")]
    public void Nouns_follow_their_number(long count, string text)
    {
        Assert.That(Sizes.Count(count, "file"), Is.EqualTo(text));
    }
}
