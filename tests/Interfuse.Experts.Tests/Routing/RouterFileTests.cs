using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Experts.Routing;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests.Routing;

public sealed class RouterFileTests
{
    private TempFolder _folder = null!;
    private PackRouter _router = null!;

    [SetUp]
    public void Train()
    {
        _folder = new TempFolder();
        _router = Clouds.Train().Router;
    }

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void What_is_read_is_what_was_written()
    {
        PackRouter read = Read(RouterFile.Write(_router));
        RouterSample[] samples = Clouds.Samples(3, 20, 1, seed: 9);

        Assert.That(read.Facts with { Experts = _router.Experts }, Is.EqualTo(_router.Facts));
        Assert.That(read.Experts, Is.EqualTo(_router.Experts));
        foreach (RouterSample sample in samples)
        {
            RouteScores scores = read.Score(sample.Features.Span);
            RouteScores expected = _router.Score(sample.Features.Span);
            Assert.That(scores.Probabilities, Is.EqualTo(expected.Probabilities));
            Assert.That((scores.Uncertainty, scores.Distance), Is.EqualTo((expected.Uncertainty, expected.Distance)));
        }
    }

    [TestCase("format", "pickle", "is no router")]
    [TestCase("version", "2", "has version 2", "update Interfuse")]
    [TestCase("version", "-1", "'version' that is no whole number")]
    [TestCase("experts", "[\"a\"]", "names 1 experts")]
    [TestCase("experts", "[\"a\",\"\",\"c\"]", "without a name")]
    [TestCase("experts", "[\"a\",null,\"c\"]", "without a name")]
    [TestCase("experts", "{", "no list of names")]
    [TestCase("experts", "[\"a\",\"b\"]", "F32 [2, 11] is expected")]
    [TestCase("depth", "1e3", "'depth' that is no whole number")]
    [TestCase("depth", "99999999999", "'depth' that is no whole number")]
    [TestCase("max_tokens", "0", "looks at 0 tokens")]
    [TestCase("temperature", "0", "'temperature' that is not above 0")]
    [TestCase("temperature", "NaN", "'temperature' that is no finite number")]
    [TestCase("reach", "-1", "'reach' that is not above 0")]
    [TestCase("low", "0.9", "the high mark is")]
    [TestCase("mass", "0", "the mass is 0")]
    [TestCase("pack", null, "has no 'pack'")]
    public void A_header_that_is_unsound_is_refused(string key, string? value, params string[] fragments)
    {
        Refused(
            Edit(texts =>
            {
                texts.Remove(key);
                if (value is not null)
                {
                    texts[key] = value;
                }
            }),
            fragments);
    }

    [TestCase("weight", float.NaN, "numbers that are not finite")]
    [TestCase("centre", float.NegativeInfinity, "numbers that are not finite")]
    [TestCase("scale", 0f, "numbers that are not above 0")]
    [TestCase("spread", -1f, "numbers that are not above 0")]
    public void Weights_that_are_no_sound_numbers_are_refused(string tensor, float value, string fragment)
    {
        byte[] bytes = RouterFile.Write(_router);
        using (SafetensorsFile file = Open(bytes))
        {
            long offset = file.Tensors.Single(info => info.Name == tensor).Offset;
            MemoryMarshal.Write(bytes.AsSpan((int)offset + 8), value);
        }

        Refused(bytes, $"tensor '{tensor}'", fragment);
    }

    [Test]
    public void Tensors_of_another_shape_or_type_or_too_many_are_refused()
    {
        TensorSpec[] specs =
        [
            .. RouterFile.Tensors(3, Clouds.Width)
                .Select(tensor => new TensorSpec(tensor.Name, DType.Float32, [.. tensor.Shape])),
        ];
        Refused(With([.. specs, new TensorSpec("more", DType.Float32, [2])]), "has 7 tensors, where 6 are expected");
        Refused(With([.. specs[..5], specs[5] with { Shape = [2] }]), "tensor 'spread'", "F32 [11] is expected");
        Refused(With([.. specs[..3], specs[3] with { DType = DType.Int32 }, .. specs[4..]]), "tensor 'bias'", "is I32 [3]");
        Refused(With([specs[0] with { Name = "others" }, .. specs[1..]]), "has features of 0 elements");
        Refused(With([specs[0] with { Shape = [(1 << 20) + 1] }, .. specs[1..]]), "has features of 1048577 elements");
    }

    [Test]
    public void A_file_that_is_cut_anywhere_or_is_something_else_is_refused()
    {
        byte[] bytes = RouterFile.Write(_router);
        foreach (int length in new[] { 0, 7, 100, bytes.Length - 1 })
        {
            Refused(bytes[..length]);
        }

        var random = new Random(3);
        for (int i = 0; i < 300; i++)
        {
            byte[] damaged = [.. bytes];
            damaged[random.Next(1200)] ^= (byte)(1 << random.Next(8));
            try
            {
                Read(damaged);
            }
            catch (CheckpointFormatException)
            {
                // The only way to fail.
            }
        }
    }

    private PackRouter Read(byte[] bytes)
    {
        File.WriteAllBytes(_folder["router.safetensors"], bytes);
        return RouterFileReader.Read(_folder["router.safetensors"]);
    }

    private SafetensorsFile Open(byte[] bytes)
    {
        File.WriteAllBytes(_folder["router.safetensors"], bytes);
        return SafetensorsFile.Open(_folder["router.safetensors"]);
    }

    private void Refused(byte[] bytes, params string[] fragments)
    {
        var error = Assert.Throws<CheckpointFormatException>(() => Read(bytes));
        foreach (string fragment in fragments.Prepend("router.safetensors"))
        {
            Assert.That(error!.Message, Does.Contain(fragment));
        }
    }

    private byte[] Edit(Action<Dictionary<string, string>> edit)
    {
        byte[] bytes = RouterFile.Write(_router);
        using SafetensorsFile file = Open(bytes);
        var texts = file.Metadata.ToDictionary();
        edit(texts);
        TensorSpec[] specs = [.. file.Tensors.Select(tensor => new TensorSpec(tensor.Name, tensor.DType, tensor.Shape))];
        return [.. SafetensorsHeader.Write(specs, texts), .. bytes[(int)file.Tensors[0].Offset..]];
    }

    private byte[] With(TensorSpec[] specs)
    {
        using SafetensorsFile file = Open(RouterFile.Write(_router));
        return [.. SafetensorsHeader.Write(specs, file.Metadata), .. new byte[specs.Sum(spec => spec.ByteLength)]];
    }
}
