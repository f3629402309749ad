using Interfuse.Compute;
using Interfuse.Merging.Methods;

namespace Interfuse.Merging.Planning;

/// <summary>What a merge is told besides the recipe.</summary>
public sealed record MergeOptions
{
    /// <summary>Threads that read, compute and write; the machine's cores unless set. The output does not depend on it.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>How much memory the process may use, in bytes. The output does not depend on it.</summary>
    public long MaxMemory { get; init; } = 4L << 30;

    /// <summary>The size at which a new output file is begun, in bytes of tensor data.</summary>
    public long ShardSize { get; init; } = 5_000_000_000;

    /// <summary>The seed of the methods that draw at random.</summary>
    public ulong Seed { get; init; }

    /// <summary>Whose semantics to follow where mergekit departs from the published method.</summary>
    public MergeSemantics Semantics { get; init; } = MergeSemantics.Published;

    /// <summary>Cut embeddings of different vocabularies to their common rows instead of refusing them.</summary>
    public bool TruncateEmbeddings { get; init; }

    /// <summary>Replace what stands at the target.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Continue what an interrupted merge to the same target left.</summary>
    public bool Resume { get; init; }

    /// <summary>
    /// Whether the threads step back for others that want the processor, as beside a service that answers requests. The
    /// output does not depend on it.
    /// </summary>
    public bool InBackground { get; init; }

    /// <summary>
    /// What to compute on, or null for the processor. The caller keeps it open for the merge. The output does not depend
    /// on it.
    /// </summary>
    public Device? Device { get; init; }
}
