using Interfuse.Checkpoints;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests;

/// <summary>Every way to read an expert's tensor gives what the bank and the table say, bit for bit.</summary>
public sealed class ReadingTests
{
    private static readonly DType[] Types = Enum.GetValues<DType>();

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Whole_tensors_rows_and_parts_are_as_the_tables_say([Range(0, 19)] int seed)
    {
        PackBuilder builder = RandomPack(seed);
        builder.Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);
        var random = new Random(seed);

        foreach (PackTensor tensor in pack.Tensors)
        {
            for (int expert = 0; expert < pack.Experts.Count; expert++)
            {
                byte[] expected = builder.Expected[(tensor.Name, expert)];
                Assert.That(Whole(pack, tensor, expert), Is.EqualTo(expected), $"{tensor.Name} of {expert}");

                int rowBytes = (int)tensor.RowBytes;
                long[] rows = [.. Enumerable.Range(0, 7).Select(_ => tensor.Rows == 0 ? 0 : random.NextInt64(tensor.Rows))];
                rows = tensor.Rows == 0 ? [] : rows;
                byte[] some = new byte[rows.Length * rowBytes];
                pack.Rows(tensor, expert, rows, some);
                Assert.That(
                    some, Is.EqualTo(rows.SelectMany(row => expected.Skip((int)row * rowBytes).Take(rowBytes))), tensor.Name);

                long first = random.NextInt64(tensor.Rows + 1);
                byte[] following = new byte[random.NextInt64(tensor.Rows - first + 1) * rowBytes];
                pack.Rows(tensor, expert, first, following);
                Assert.That(
                    following, Is.EqualTo(expected.Skip((int)first * rowBytes).Take(following.Length)), tensor.Name);

                int start = random.Next(expected.Length + 1);
                byte[] part = new byte[random.Next(expected.Length - start + 1)];
                pack.Read(tensor, expert, start, part);
                Assert.That(part, Is.EqualTo(expected.Skip(start).Take(part.Length)), tensor.Name);
            }
        }
    }

    [Test]
    public void A_tensor_that_several_threads_share_is_read_whole()
    {
        var builder = new PackBuilder("a", "b");
        builder.RandomGrouped(1, "large", DType.BFloat16, 3000, 3333).RandomShared(2, "embed", DType.Float32, 5_000_001);
        builder.Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);

        foreach (PackTensor tensor in pack.Tensors)
        {
            byte[] whole = Whole(pack, tensor, 1);
            Assert.That(whole.AsSpan().SequenceEqual(builder.Expected[(tensor.Name, 1)]), tensor.Name);
        }
    }

    [Test]
    public void What_a_tensor_is_and_takes_is_told()
    {
        var builder = new PackBuilder("a", "b", "c");
        var spec = new TensorSpec("w", DType.Float16, [2, 3, 4]);
        builder.Grouped(spec, new byte[4 * 12 * 2], [0, 2, 1, 3, 0, 3]).RandomShared(1, "norm", DType.Float32, 5);
        builder.SideFile("config.json", """{ "model_type": "llama" }""").SideFile("tokenizer.json", "{}");
        builder.SideFile("README.md", "# A pack");
        builder.Write(_folder["pack"]);

        using var pack = ExpertPack.Open(_folder["pack"]);
        PackTensor grouped = pack.FindTensor("w");
        PackTensor shared = pack.FindTensor("norm");

        Assert.Multiple(() =>
        {
            Assert.That(pack.Experts, Is.EqualTo(["a", "b", "c"]));
            Assert.That(pack.FindExpert("b"), Is.EqualTo(1));
            Assert.That(pack.Config!.ModelType, Is.EqualTo("llama"));
            Assert.That(pack.SideFiles, Is.EqualTo(["tokenizer.json"]));
            Assert.That((grouped.Rows, grouped.Columns, grouped.BankRows), Is.EqualTo((2, 12, 4)));
            Assert.That((grouped.StoredBytes, grouped.TableBytes), Is.EqualTo((96, 24)));
            Assert.That((shared.Rows, shared.Columns, shared.BankRows), Is.EqualTo((1, 5, 1)));
            Assert.That((shared.StoredBytes, shared.TableBytes), Is.EqualTo((20, 0)));
            Assert.That(grouped.Shape, Is.EqualTo(new long[] { 2, 3, 4 }));
        });
    }

    [Test]
    public void An_unknown_expert_is_refused_with_those_there_are()
    {
        new PackBuilder("math", "code").RandomShared(1, "w", DType.Float32, 2).Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);

        Assert.That(
            () => pack.FindExpert("Math"),
            Throws.TypeOf<InterfuseException>().With.Message.Contains("'Math'").And.Message.Contains("'math', 'code'"));
    }

    [Test]
    public void Rows_that_are_not_there_are_refused()
    {
        new PackBuilder("a", "b").RandomGrouped(1, "w", DType.BFloat16, 4, 8).Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);
        PackTensor tensor = pack.FindTensor("w");
        byte[] row = new byte[16];

        Assert.Multiple(() =>
        {
            Assert.That(() => pack.Rows(tensor, 2, 0, row), Throws.InstanceOf<ArgumentException>());
            Assert.That(() => pack.Rows(tensor, -1, 0, row), Throws.InstanceOf<ArgumentException>());
            Assert.That(() => pack.Rows(tensor, 0, 4, row), Throws.InstanceOf<ArgumentException>());
            Assert.That(() => pack.Rows(tensor, 0, -1, row), Throws.InstanceOf<ArgumentException>());
            Assert.That(() => pack.Rows(tensor, 0, 0, row.AsSpan(1)), Throws.InstanceOf<ArgumentException>());
            Assert.That(() => pack.Rows(tensor, 0, [4], row), Throws.InstanceOf<ArgumentException>());
            Assert.That(() => pack.Rows(tensor, 0, [-1], row), Throws.InstanceOf<ArgumentException>());
            Assert.That(() => pack.Rows(tensor, 0, [0, 1], row), Throws.InstanceOf<ArgumentException>());
            Assert.That(() => pack.Read(tensor, 0, row), Throws.InstanceOf<ArgumentException>());
            Assert.That(() => pack.Read(tensor, 0, 49, row), Throws.InstanceOf<ArgumentException>());
        });
    }

    [Test]
    public void Parts_of_elements_are_refused_where_they_would_be_added_up()
    {
        new PackBuilder("a", "b").RandomGrouped(1, "w", DType.BFloat16, 4, 8).Write(_folder["pack"]);
        using var pack = ExpertPack.Open(_folder["pack"]);
        PackTensor tensor = pack.FindTensor("w");

        Assert.That(() => pack.Read(tensor, ExpertMix.Uniform(2), 1, new byte[2]), Throws.ArgumentException);
        Assert.That(() => pack.Read(tensor, ExpertMix.Uniform(2), 2, new byte[3]), Throws.ArgumentException);
        Assert.That(() => pack.Read(tensor, ExpertMix.Uniform(3), 0, new byte[2]), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => pack.Read(tensor, ExpertMix.Of(1), 1, new byte[3]), Throws.Nothing);
    }

    [Test]
    public void After_disposal_reading_is_refused_and_does_not_crash()
    {
        new PackBuilder("a").RandomGrouped(1, "w", DType.BFloat16, 4, 8).Write(_folder["pack"]);
        var pack = ExpertPack.Open(_folder["pack"]);
        PackTensor tensor = pack.FindTensor("w");
        pack.Dispose();
        pack.Dispose();

        Assert.That(() => pack.Read(tensor, 0, new byte[64]), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => pack.Rows(tensor, 0, [1], new byte[16]), Throws.InstanceOf<ObjectDisposedException>());
    }

    internal static byte[] Whole(ExpertPack pack, PackTensor tensor, int expert)
    {
        byte[] bytes = new byte[tensor.Spec.ByteLength];
        pack.Read(tensor, expert, bytes);
        return bytes;
    }

    /// <summary>Tensors of every kind of shape and random types; odd lengths leave others at any address.</summary>
    internal static PackBuilder RandomPack(int seed)
    {
        var random = new Random(seed);
        var builder = new PackBuilder([.. Enumerable.Range(0, random.Next(1, 7)).Select(i => $"expert {i}")])
        {
            MaxShardBytes = random.Next(2) == 0 ? long.MaxValue : 500,
        };
        long[][] shapes = [[], [7], [5, 3], [13, 1], [1, 17], [3, 2, 5], [2, 2, 2, 3], [0], [0, 4], [4, 0], [2, 0, 3]];
        for (int i = 0; i < shapes.Length; i++)
        {
            builder.RandomGrouped(random.Next(), $"layers.{i}.grouped", Types[random.Next(Types.Length)], shapes[i]);
            builder.RandomShared(random.Next(), $"layers.{i}.shared", Types[random.Next(Types.Length)], shapes[i]);
        }

        return builder;
    }
}
