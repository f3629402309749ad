namespace Interfuse.Compute.Tests;

public class RowsTests
{
    [Test]
    public void A_row_starts_at_its_number_times_the_stride()
    {
        float[] data = [0, 1, 2, 3, 4, 5, 6];
        var rows = new Rows(data, 3, 1, 3);
        Assert.That((rows[0][0], rows[1][0], rows[2][0]), Is.EqualTo((0f, 3f, 6f)));
        Assert.That((rows.Count, rows.Length), Is.EqualTo((3, 1)));
    }

    [TestCase(3, 2, 3, TestName = "The_last_row_must_fit")]
    [TestCase(2, 4, 3, TestName = "Rows_must_not_overlap")]
    [TestCase(-1, 1, 1, TestName = "A_negative_count_is_refused")]
    [TestCase(1, -1, 1, TestName = "A_negative_length_is_refused")]
    [TestCase(int.MaxValue, 1, int.MaxValue, TestName = "Sizes_beyond_32_bits_do_not_wrap")]
    public void Impossible_rows_are_refused(int count, int length, int stride) =>
        Assert.That(() => new Rows(new float[7], count, length, stride).Count, Throws.InstanceOf<ArgumentException>());

    [TestCase(-1)]
    [TestCase(2)]
    public void A_row_that_is_not_there_is_refused(int row) =>
        Assert.That(
            () => new Rows(new float[7], 2, 3, 3)[row].Length, Throws.InstanceOf<ArgumentOutOfRangeException>());
}
