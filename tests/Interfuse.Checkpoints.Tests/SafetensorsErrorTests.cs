using System.Text;
using Interfuse.Testing;
using static Interfuse.Checkpoints.Tests.RawSafetensors;

namespace Interfuse.Checkpoints.Tests;

public sealed class SafetensorsErrorTests
{
    private static readonly string A8 = Entry("a", "F32", "[2]", "[0,8]");

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    private static IEnumerable<TestCaseData> BadTensors()
    {
        yield return Case("overlap", 12, "overlaps tensor 'a' by 4 bytes", A8, Entry("b", "F32", "[2]", "[4,12]"));
        yield return Case("equal ranges", 8, "overlaps tensor 'a' by 8 bytes", A8, Entry("b", "F32", "[2]", "[0,8]"));
        yield return Case("hole", 20, "hole of 4 bytes after tensor 'a'", A8, Entry("b", "F32", "[2]", "[12,20]"));
        yield return Case("hole first", 12, "hole of 4 bytes after the header", Entry("b", "F32", "[2]", "[4,12]"));
        yield return Case("out of range", 8, "8 bytes beyond the end", A8, Entry("b", "F32", "[2]", "[8,16]"));
        yield return Case("same name", 0, "twice", Entry("b", "U8", "[0]", "[0,0]"), Entry("b", "U8", "[]", "[0,1]"));
        yield return Case("shape overflow", 0, "64 bits", Entry("b", "F32", "[4294967296,4294967296]", "[0,0]"));
        yield return Case("size overflow", 0, "64 bits", Entry("b", "F32", "[4611686018427387904]", "[0,0]"));
        yield return Case("overflow, then 0", 0, "64 bits", Entry("b", "U8", "[9223372036854775807,3,0]", "[0,0]"));
        yield return Case("negative dim", 0, "entry 1 of its 'shape'", Entry("b", "F32", "[1,-2]", "[0,8]"));
        yield return Case("fractional dim", 0, "entry 0 of its 'shape'", Entry("b", "F32", "[2.0]", "[0,8]"));
        yield return Case("exponent dim", 0, "entry 0 of its 'shape'", Entry("b", "F32", "[2e0]", "[0,8]"));
        yield return Case("text dim", 0, "entry 0 of its 'shape'", Entry("b", "F32", "[\"2\"]", "[0,8]"));
        yield return Case("dim over 64 bits", 0, "entry 0", Entry("b", "F32", "[9223372036854775808]", "[0,8]"));
        yield return Case("shape is a number", 8, "'shape' is not an array", Entry("b", "F32", "2", "[0,8]"));
        yield return Case("65 dims", 0, "over 64", Entry("b", "U8", $"[{string.Join(',', new byte[65])}]", "[0,0]"));
        yield return Case("unknown dtype", 8, "dtype 'F33' is unknown", Entry("b", "F33", "[2]", "[0,8]"));
        yield return Case("byte length", 8, "8 bytes long, but BF16 [2] takes 4", Entry("b", "BF16", "[2]", "[0,8]"));
        yield return Case("end before begin", 8, "[8, 0] are not a begin and", Entry("b", "F32", "[2]", "[8,0]"));
        yield return Case("three offsets", 8, "not a begin and an end", Entry("b", "F32", "[2]", "[0,4,8]"));
        yield return Case("negative offset", 8, "'data_offsets'", Entry("b", "F32", "[2]", "[-8,0]"));
        yield return Case("huge", 8, "beyond", Entry("b", "U8", "[1]", "[9223372036854775806,9223372036854775807]"));
        yield return Case("no shape", 8, "lacks", """ "b":{"dtype":"F32","data_offsets":[0,8]} """);
        yield return Case("two shapes", 8, "'shape' twice", """ "b":{"dtype":"F32","shape":[2],"shape":[2]} """);
        yield return Case("dtype is a number", 8, "dtype", """ "b":{"dtype":32,"shape":[2],"data_offsets":[0,8]} """);
        yield return Case("entry is a list", 8, "not a JSON object", """ "b":[] """);
    }

    [TestCaseSource(nameof(BadTensors))]
    public void A_bad_tensor_is_refused_by_name(string json, int dataBytes, string expected)
    {
        CheckpointFormatException error = OpenError(Bytes(json, dataBytes));

        Assert.That(error.Tensor, Is.EqualTo("b"));
        Assert.That(error.Message, Does.Contain("tensor 'b'").And.Contain(expected));
    }

    private static IEnumerable<TestCaseData> BadFiles()
    {
        yield return File("empty file", [], "0 bytes long");
        yield return File("shorter than its length field", new byte[7], "7 bytes long");
        yield return File("header beyond the file", WithLength(100, "{}"u8), "ends after 2 of them");
        yield return File("header over the cap", WithLength(100_000_001, "{}"u8), "over the limit of 100000000");
        yield return File("header length over 63 bits", WithLength(ulong.MaxValue, "{}"u8), "over the limit");
        yield return File("no header", WithLength(0), "not a JSON object");
        yield return File("header is a list", Bytes("[]", 0), "not a JSON object");
        yield return File("white space first", Bytes(" {}", 0), "not a JSON object");
        yield return File("a pickle", [0x80, 2, .. "ctorch._utils\n_rebuild"u8], "over the limit");
        yield return File("cut JSON", Bytes("{" + A8, 8), "not valid JSON");
        yield return File("text after the object", Bytes("{}{}", 0), "not valid JSON");
        yield return File("trailing comma", Bytes("{" + A8 + ",}", 8), "not valid JSON");
        yield return File("comment", Bytes("{/**/}", 0), "not valid JSON");
        yield return File("not UTF-8", WithLength(7, [.. "{\""u8, 0xFF, .. "\":1}"u8]), "not valid JSON");
        yield return File("lone surrogate", Bytes("""{"\ud800":1}""", 0), "not valid JSON");
        yield return File("deep nesting", Bytes($$"""{"a":{"x":{{new string('[', 100)}}""", 0), "not valid JSON");
        yield return File("metadata is a list", Bytes("""{"__metadata__":[]}""", 0), "'__metadata__'");
        yield return File("metadata with a number", Bytes("""{"__metadata__":{"k":1}}""", 0), "key 'k'");
        yield return File("metadata key twice", Bytes("""{"__metadata__":{"k":"","k":""}}""", 0), "key 'k'");
        yield return File("trailing bytes", Bytes("{" + A8 + "}", 9), "1 trailing bytes after tensor 'a'");
        yield return File("data without tensors", Bytes("{}", 3), "3 trailing bytes after the header");

        static TestCaseData File(string name, byte[] bytes, string expected) =>
            new TestCaseData(bytes, expected).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(BadFiles))]
    public void A_bad_file_is_refused(byte[] bytes, string expected) =>
        Assert.That(OpenError(bytes).Message, Does.Contain(expected));

    [Test]
    public void A_file_cut_anywhere_is_refused()
    {
        byte[] whole = Bytes("{" + A8 + "}", 8);

        for (int length = 0; length < whole.Length; length++)
        {
            OpenError(whole[..length]);
        }
    }

    [Test]
    public void A_large_header_length_in_a_small_file_allocates_nothing_large()
    {
        string path = _folder["bad.safetensors"];
        File.WriteAllBytes(path, WithLength(99_999_999, "{}"u8));
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.That(() => SafetensorsFile.Open(path), Throws.TypeOf<CheckpointFormatException>());

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1_000_000));
    }

    [Test]
    public void Random_damage_to_a_header_gives_success_or_a_format_error()
    {
        byte[] whole = Bytes(
            $$$"""{"__metadata__":{"format":"pt"},{{{A8}}},{{{Entry("b", "BF16", "[2,3]", "[8,20]")}}}}""", 20);
        byte[] spice = Encoding.ASCII.GetBytes("{}[]\",:.-0129eE\\u \0");
        var random = new Random(20240607);
        string path = _folder["fuzz.safetensors"];
        using var stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite);
        int opened = 0;
        for (int round = 0; round < 5_000; round++)
        {
            byte[] damaged = [.. whole];
            for (int flips = random.Next(1, 4); flips > 0; flips--)
            {
                int at = random.Next(damaged.Length - 20);
                damaged[at] = random.Next(2) == 0 ? (byte)random.Next(256) : spice[random.Next(spice.Length)];
            }

            stream.Position = 0;
            stream.Write(damaged);
            stream.Flush();
            try
            {
                using var file = SafetensorsFile.Open(path);
                opened++;
                Assert.That(file.Tensors.Sum(tensor => tensor.ByteLength), Is.EqualTo(20));
            }
            catch (CheckpointFormatException error)
            {
                Assert.That(error.Path, Is.EqualTo(path));
            }
        }

        // Damage to a name, for one, is not an error: the mutations reach beyond the JSON reader.
        Assert.That(opened, Is.InRange(1, 4_999));
    }

    private static TestCaseData Case(string name, int dataBytes, string expected, params string[] entries) =>
        new TestCaseData($"{{{string.Join(',', entries)}}}", dataBytes, expected).SetArgDisplayNames(name);

    private CheckpointFormatException OpenError(byte[] bytes)
    {
        string path = _folder["bad.safetensors"];
        File.WriteAllBytes(path, bytes);

        CheckpointFormatException error = Assert.Throws<CheckpointFormatException>(() => SafetensorsFile.Open(path))!;

        Assert.That(error.Path, Is.EqualTo(path));
        Assert.That(error.Message, Does.StartWith(path));
        return error;
    }
}
