using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Interfuse.Checkpoints;
using Interfuse.Experts.Encoders;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests.Encoders;

/// <summary>A folder with a small base, experts of it, and packs of them.</summary>
internal sealed class PackWorkshop : IDisposable
{
    public const string Projection = "model.layers.0.self_attn.q_proj.weight";
    public const string Norm = "model.layers.0.input_layernorm.weight";
    public const string Embedding = "model.embed_tokens.weight";
    public const int Columns = 70;
    public const int Channels = 24;

    private readonly TempFolder _folder = new();

    public string this[params string[] names] => _folder[names];

    public IEnumerable<string> Entries =>
        new DirectoryInfo(_folder.Path).EnumerateFileSystemInfos().Select(entry => entry.Name);

    /// <summary>A model of three tensors; what seed and step make differs from the base by about a tenth.</summary>
    public void Model(string name, int seed, DType dtype = DType.BFloat16, float step = 0.1f, float normStep = 0.1f)
    {
        (TensorSpec, byte[]) Tensor(string tensor, float change, params long[] shape) =>
            Values(tensor, dtype, shape, seed, change);
        ModelFolder.Write(
            this[name],
            [
                Tensor(Embedding, step, 11, Columns),
                Tensor(Projection, step, Channels, Columns),
                Tensor(Norm, normStep, Columns),
            ],
            config: """{"model_type": "llama", "hidden_size": 70, "num_attention_heads": 4, "head_dim": 6}""");
    }

    /// <summary>Makes a base and experts of it, called as given.</summary>
    public void Models(params string[] experts)
    {
        Model("base", 0, step: 0, normStep: 0);
        for (int expert = 0; expert < experts.Length; expert++)
        {
            Model(experts[expert], expert + 1);
        }
    }

    public static string Yaml(string parameters, params string[] experts) =>
        $"merge_method: channel_merging\nbase_model: ./base\nmodels: [{string.Join(", ", experts.Select(e => $"{{model: ./{e}}}"))}]\n"
        + $"parameters: {{{parameters}}}\n";

    public Recipe Read(string yaml) =>
        Recipe.Parse(yaml, this["recipe.yml"], PackMethods.RecipeSignatures);

    public EncodingReport Pack(
        string yaml, string target = "pack", MergeOptions? options = null, CancellationToken cancellation = default)
    {
        using PackPlan plan = PackPlan.Create(Read(yaml), options ?? new MergeOptions());
        EncodingReport report = PackEncoder.Run(plan, this[target], new MergeProgress(), cancellation);
        using (ExpertPack pack = ExpertPack.Open(this[target]))
        {
            Assert.That(pack.Experts, Is.EqualTo(report.Manifest.Experts));
        }

        Assert.That(ExpertPack.Verify(this[target], progress: null, cancellation).Faults, Is.Empty);
        return report;
    }

    public void Merge(string yaml, string target)
    {
        using MergePlan plan = MergePlan.Create(Read(yaml), new MergeOptions());
        Merger.Run(plan, this[target], new MergeProgress(), CancellationToken.None);
    }

    /// <summary>An expert's tensors, put together row by row as the doc of the format says.</summary>
    public Dictionary<string, byte[]> Expert(string target, PackManifest manifest, string name)
    {
        using var banks = Checkpoint.Open(this[target]);
        using SafetensorsFile? index = File.Exists(this[target, PackManifest.IndexFileName])
            ? SafetensorsFile.Open(this[target, PackManifest.IndexFileName])
            : null;
        int expert = manifest.Experts.ToList().IndexOf(name);
        var tensors = new Dictionary<string, byte[]>();
        foreach (PackTensorEntry entry in manifest.Tensors)
        {
            banks.TryGetTensor(entry.Name, out CheckpointTensor? bank);
            byte[] rows = Bytes(bank!);
            if (entry.Scheme == "shared")
            {
                tensors.Add(entry.Name, rows);
                continue;
            }

            TensorInfo table = index!.Tensors.Single(tensor => tensor.Name == entry.Name);
            byte[] places = new byte[table.ByteLength];
            index.Read(table, 0, places);
            int rowBytes = (int)(bank!.Info.Shape[1] * bank.Info.DType.Size());
            int channels = (int)table.Shape[1];
            tensors.Add(entry.Name, [.. Enumerable.Range(0, channels).SelectMany(channel =>
            {
                int row = BinaryPrimitives.ReadInt32LittleEndian(places.AsSpan(4 * ((expert * channels) + channel)));
                return rows.AsSpan(row * rowBytes, rowBytes).ToArray();
            })]);
        }

        return tensors;
    }

    public Dictionary<string, byte[]> Model(string name)
    {
        using var checkpoint = Checkpoint.Open(this[name]);
        return checkpoint.Tensors.ToDictionary(tensor => tensor.Name, Bytes);
    }

    /// <summary>An expert's tensors, as they are exported.</summary>
    public Dictionary<string, byte[]> Export(string target, string expert)
    {
        using var pack = ExpertPack.Open(this[target]);
        string exported = $"{target}-{expert}";
        PackExport.Run(pack, pack.FindExpert(expert), this[exported], new PackExportOptions { Overwrite = true });
        return Model(exported);
    }

    /// <summary>Name and digest of every file of a directory.</summary>
    public string[] Digest(string directory) =>
    [
        .. new DirectoryInfo(this[directory]).EnumerateFiles().OrderBy(file => file.Name, StringComparer.Ordinal)
            .Select(file => $"{file.Name} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file.FullName)))}"),
    ];

    public void Dispose() => _folder.Dispose();

    private static byte[] Bytes(CheckpointTensor tensor)
    {
        byte[] bytes = new byte[tensor.ByteLength];
        tensor.Read(0, bytes);
        return bytes;
    }

    private static (TensorSpec, byte[]) Values(string name, DType dtype, long[] shape, int seed, float change)
    {
        var spec = new TensorSpec(name, dtype, [.. shape]);
        var common = new Random(name.Length);
        var own = new Random((1000 * seed) + name.Length);
        float[] values = [.. Enumerable.Range(0, (int)spec.ElementCount).Select(_ =>
            (2 * common.NextSingle()) - 1 + (change * ((2 * own.NextSingle()) - 1)))];
        byte[] data = dtype == DType.Float32
            ? MemoryMarshal.AsBytes(values.AsSpan()).ToArray()
            : [.. values.SelectMany(value => BitConverter.GetBytes(
                (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16)))];
        return (spec, data);
    }
}
