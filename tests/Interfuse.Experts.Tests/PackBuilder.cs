using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Interfuse.Checkpoints;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests;

/// <summary>Writes packs for tests: what each expert's tensors are, and what of them is one and the same.</summary>
internal sealed partial class PackBuilder(params string[] experts)
{
    private readonly List<PackTensorEntry> _entries = [];
    private readonly List<(TensorSpec Spec, byte[] Data)> _banks = [];
    private readonly List<(TensorSpec Spec, byte[] Data)> _tables = [];
    private readonly List<(TensorSpec Spec, byte[] Data)> _parts = [];
    private readonly List<(string Name, byte[] Data)> _sideFiles = [];

    /// <summary>What each expert's tensors are, found by the formula and not through a pack.</summary>
    public Dictionary<(string Tensor, int Expert), byte[]> Expected { get; } = [];

    public string[] Experts { get; } = experts;

    public long MaxShardBytes { get; init; } = long.MaxValue;

    public PackBuilder Shared(TensorSpec tensor, byte[] data)
    {
        _entries.Add(Entry(tensor, "shared"));
        _banks.Add((tensor, data));
        for (int expert = 0; expert < Experts.Length; expert++)
        {
            Expected[(tensor.Name, expert)] = data;
        }

        return this;
    }

    /// <summary>Adds a bank of R rows and a table [N, m] that leads into it.</summary>
    public PackBuilder Grouped(TensorSpec tensor, byte[] bank, int[] table, double[]? delta = null, double[]? lost = null)
    {
        (long rows, long columns) = MatrixOf(tensor);
        int rowBytes = (int)columns * tensor.DType.Size();
        long bankRows = rowBytes == 0 ? table.Append(0).Max() + 1 : bank.Length / rowBytes;
        _entries.Add(Entry(tensor, "grouped") with { DeltaEnergy = delta, LostEnergy = lost });
        _banks.Add((new TensorSpec(tensor.Name, tensor.DType, [bankRows, columns]), bank));
        _tables.Add((
            new TensorSpec(tensor.Name, DType.Int32, [Experts.Length, rows]), MemoryMarshal.AsBytes<int>(table).ToArray()));
        for (int expert = 0; expert < Experts.Length; expert++)
        {
            Expected[(tensor.Name, expert)] =
            [
                .. Enumerable.Range(0, (int)rows).SelectMany(row =>
                    bank.AsSpan(table[(expert * (int)rows) + row] * rowBytes, rowBytes).ToArray()),
            ];
        }

        return this;
    }

    /// <summary>Adds a tensor of random bytes, its experts' rows drawn at random out of a bank.</summary>
    public PackBuilder RandomGrouped(int seed, string name, DType dtype, params long[] shape)
    {
        var random = new Random(seed);
        var tensor = new TensorSpec(name, dtype, [.. shape]);
        (long rows, long columns) = MatrixOf(tensor);
        int bankRows = (int)Math.Max(1, rows * random.Next(1, Experts.Length + 1));
        byte[] bank = new byte[bankRows * columns * dtype.Size()];
        random.NextBytes(bank);
        // Often the next row, as in real packs, so that rows that lie together are met.
        int[] table = new int[Experts.Length * rows];
        for (int i = 0; i < table.Length; i++)
        {
            table[i] = i > 0 && random.Next(2) == 0 ? (table[i - 1] + 1) % bankRows : random.Next(bankRows);
        }

        return Grouped(tensor, bank, table);
    }

    public PackBuilder RandomShared(int seed, string name, DType dtype, params long[] shape)
    {
        (TensorSpec spec, byte[] data) = ModelFolder.Random(seed, name, dtype, shape);
        return Shared(spec, data);
    }

    public PackBuilder SideFile(string name, string text)
    {
        _sideFiles.Add((name, Encoding.UTF8.GetBytes(text)));
        return this;
    }

    public void Write(string directory)
    {
        ModelFolder.Write(directory, _banks, MaxShardBytes);
        if (_tables.Count > 0)
        {
            WriteTables(Path.Combine(directory, PackManifest.IndexFileName));
        }

        if (_parts.Count > 0)
        {
            Write(Path.Combine(directory, PackManifest.PartsFileName), _parts);
        }

        foreach ((string name, byte[] data) in _sideFiles)
        {
            File.WriteAllBytes(Path.Combine(directory, name), data);
        }

        Seal(directory, Manifest());
    }

    /// <summary>The manifest, but for the files.</summary>
    public PackManifest Manifest() => new(
        "channel_merging", Experts, Expected.Values.Sum(data => (long)data.Length), [.. _entries], []);

    /// <summary>Lists and hashes what is in a directory, and writes manifest and hash.</summary>
    public static void Seal(string directory, PackManifest manifest, bool hashed = true)
    {
        PackFileEntry[] files =
        [
            .. Directory.EnumerateFiles(directory)
                .Where(file => Path.GetFileName(file) is not (PackManifest.FileName or PackManifest.HashFileName))
                .Order(StringComparer.Ordinal)
                .Select(file => new PackFileEntry(
                    Path.GetFileName(file),
                    new FileInfo(file).Length,
                    hashed ? Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file))) : new string('0', 64))),
        ];
        WriteManifest(directory, (manifest with { Files = files }).ToUtf8Bytes());
    }

    public static void WriteManifest(string directory, byte[] manifest)
    {
        File.WriteAllBytes(Path.Combine(directory, PackManifest.FileName), manifest);
        File.WriteAllText(
            Path.Combine(directory, PackManifest.HashFileName),
            Convert.ToHexStringLower(SHA256.HashData(manifest)) + "\n");
    }

    // By the words of the format, not by the product's code.
    private static (long Rows, long Columns) MatrixOf(TensorSpec tensor) => tensor.Shape.Length < 2
        ? (1, tensor.Shape.Aggregate(1L, (product, extent) => product * extent))
        : (tensor.Shape[0], tensor.Shape.Skip(1).Aggregate(1L, (product, extent) => product * extent));

    private static PackTensorEntry Entry(TensorSpec tensor, string scheme) =>
        new(tensor.Name, scheme, tensor.DType.SafetensorsName(), tensor.Shape);

    private void WriteTables(string path) => Write(path, _tables);

    private static void Write(string path, List<(TensorSpec Spec, byte[] Data)> tensors)
    {
        using FileStream file = File.Create(path);
        file.Write(SafetensorsHeader.Write([.. tensors.Select(tensor => tensor.Spec)], new Dictionary<string, string>()));
        tensors.ForEach(tensor => file.Write(tensor.Data));
    }
}
