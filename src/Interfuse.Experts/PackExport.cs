using System.Globalization;
using Interfuse.Checkpoints;
using Interfuse.Merging.Execution;

namespace Interfuse.Experts;

/// <summary>How a model is given back.</summary>
public sealed record PackExportOptions
{
    /// <summary>Begin a new file at this many tensor bytes; at least 1.</summary>
    public long ShardSize { get; init; } = 5_000_000_000;

    /// <summary>Whether a directory with content at the target may be replaced.</summary>
    public bool Overwrite { get; init; }
}

/// <summary>What an export made.</summary>
/// <param name="Target">The directory.</param>
/// <param name="Tensors">The tensors written.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="Files">The weight files.</param>
/// <param name="SideFiles">The names of the files beside them.</param>
public sealed record PackExportResult(string Target, int Tensors, long Bytes, int Files, IReadOnlyList<string> SideFiles);

/// <summary>Gives an expert of a pack, or a fixed mixture of experts, back as a Hugging Face directory.</summary>
public static class PackExport
{
    // What a thread holds in memory: a tensor goes over in parts of this size, whatever its rows are; whole elements.
    private const int PartBytes = 4 << 20;
    private const string ConfigName = "config.json";
    private const string CardName = "README.md";

    /// <summary>Writes an expert to a directory, which appears when it is complete and not before.</summary>
    /// <param name="pack">The pack.</param>
    /// <param name="expert">The expert, by its place in <see cref="ExpertPack.Experts"/>.</param>
    /// <param name="target">The directory to make.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Is told how many tensor bytes have been written, from any thread.</param>
    /// <param name="cancellation">Ends the work early; nothing is left of it then.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such expert.</exception>
    /// <exception cref="InterfuseException">The target cannot be written, or is the pack.</exception>
    /// <exception cref="IOException">The disk is full, or reading or writing failed.</exception>
    /// <exception cref="OperationCanceledException">It was asked for.</exception>
    public static PackExportResult Run(
        ExpertPack pack, int expert, string target, PackExportOptions options,
        IProgress<long>? progress = null, CancellationToken cancellation = default) =>
        Run(pack, ExpertMix.Of(expert), target, options, progress, cancellation);

    /// <summary>Writes the model of a mixture to a directory, which appears when it is complete and not before.</summary>
    /// <remarks>
    /// Its rows are those of <see cref="ExpertPack.Rows(PackTensor, ExpertMix, long, Span{byte})"/>. An expert comes back as it
    /// is stored; what is made of several gets a model card that says of which.
    /// </remarks>
    /// <param name="pack">The pack.</param>
    /// <param name="mix">An expert, a mixture of experts or the model they share.</param>
    /// <param name="target">The directory to make.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Is told how many tensor bytes have been written, from any thread.</param>
    /// <param name="cancellation">Ends the work early; nothing is left of it then.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such expert.</exception>
    /// <exception cref="InterfuseException">The target cannot be written, or is the pack; or experts that can't be mixed
    /// are.</exception>
    /// <exception cref="IOException">The disk is full, or reading or writing failed.</exception>
    /// <exception cref="OperationCanceledException">It was asked for.</exception>
    public static PackExportResult Run(
        ExpertPack pack, ExpertMix mix, string target, PackExportOptions options,
        IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(pack);
        ArgumentNullException.ThrowIfNull(mix);
        ArgumentNullException.ThrowIfNull(options);
        if (!mix.IsShared)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(mix.Parts[^1].Expert, pack.Experts.Count, nameof(mix));
        }

        var layout = CheckpointLayout.Create([.. pack.Tensors.Select(tensor => tensor.Spec)], options.ShardSize);
        string[] sideFiles = [.. pack.Config is null ? [] : (string[])[ConfigName], .. pack.SideFiles];
        using StagedDirectory staged = StagedDirectory.Open(target, options.Overwrite, resume: false);
        try
        {
            RefusePackAsTarget(pack, staged);
            WriteTensors(pack, mix, staged.Path, layout, progress, cancellation);
            foreach (string name in sideFiles)
            {
                cancellation.ThrowIfCancellationRequested();
                File.Copy(Path.Combine(pack.Path, name), Path.Combine(staged.Path, name));
            }

            if (!mix.IsSingle)
            {
                File.WriteAllText(Path.Combine(staged.Path, CardName), Card(pack, mix));
                sideFiles = [.. sideFiles, CardName];
            }
        }
        catch
        {
            // Nothing half-written is left.
            staged.Discard();
            throw;
        }

        // Not within the above: an expert that is complete stays where it is when it can't be put in place.
        staged.Publish();
        return new PackExportResult(
            staged.Target, pack.Tensors.Count, pack.Tensors.Sum(tensor => tensor.Spec.ByteLength), layout.Shards.Count, sideFiles);
    }

    private static void WriteTensors(
        ExpertPack pack, ExpertMix mix, string directory, CheckpointLayout layout,
        IProgress<long>? progress, CancellationToken cancellation)
    {
        using var writer = CheckpointWriter.Create(directory, layout);
        using var buffers = new ThreadLocal<byte[]>(() => GC.AllocateUninitializedArray<byte>(PartBytes));
        long written = 0;
        Parallels.Run(
            Parts(pack),
            part =>
            {
                PackTensor tensor = pack.Tensors[part.Tensor];
                Span<byte> bytes = buffers.Value.AsSpan(0, (int)Math.Min(PartBytes, tensor.Spec.ByteLength - part.Offset));
                pack.Read(tensor, mix, part.Offset, bytes);
                writer.Write(part.Tensor, part.Offset, bytes);
                long all = Interlocked.Add(ref written, bytes.Length);
                progress?.Report(all);
            },
            cancellation);
        writer.Complete();
    }

    private static IEnumerable<(int Tensor, long Offset)> Parts(ExpertPack pack)
    {
        for (int tensor = 0; tensor < pack.Tensors.Count; tensor++)
        {
            for (long offset = 0; offset < pack.Tensors[tensor].Spec.ByteLength; offset += PartBytes)
            {
                yield return (tensor, offset);
            }
        }
    }

    // No date and no machine in it: the same pack gives the same bytes.
    private static string Card(ExpertPack pack, ExpertMix mix)
    {
        string shares = mix.IsShared
            ? "What the experts share: where the pack keeps no weights of that kind, each expert counts alike."
            : $"""
                | expert | weight |
                | --- | ---: |
                {string.Join('\n', mix.Parts.Select(part => string.Create(
                    CultureInfo.InvariantCulture, $"| {pack.Experts[part.Expert]} | {part.Weight} |")))}

                Each weight of the model is the sum of the experts' weights times these, rounded once.
                """;
        return $"""
            ---
            library_name: transformers
            tags:
            - merge
            - interfuse
            ---

            # {(mix.IsShared ? "The shared model of an expert pack" : "A mixture of experts in fixed shares")}

            Made with Interfuse from a pack of the method `{pack.Manifest.Method}` with the experts
            {string.Join(", ", pack.Experts)}.

            {shares}

            """.ReplaceLineEndings("\n");
    }

    // Replacing the pack by one of its experts would lose the others.
    private static void RefusePackAsTarget(ExpertPack pack, StagedDirectory staged)
    {
        if (File.Exists(Path.Combine(staged.Target, PackManifest.FileName)))
        {
            throw new InterfuseException(
                $"{staged.Target}: is an expert pack, and would be lost with all its experts; give another directory.");
        }

        string target = TargetRule.RealPath(staged.Target) + Path.DirectorySeparatorChar;
        string input = TargetRule.RealPath(pack.Path) + Path.DirectorySeparatorChar;
        if (target.StartsWith(input, StringComparison.Ordinal) || input.StartsWith(target, StringComparison.Ordinal))
        {
            throw new InterfuseException(
                $"{staged.Target}: is within the pack {pack.Path}, or holds it; give another directory.");
        }
    }
}
