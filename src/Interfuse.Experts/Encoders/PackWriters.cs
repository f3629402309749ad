using Interfuse.Checkpoints;

namespace Interfuse.Experts.Encoders;

/// <summary>Writes the files with a pack's tensors and parts, each tensor with its parts as one.</summary>
internal sealed class PackWriters : IDisposable
{
    private readonly PackLayout _layout;

    /// <summary>Makes the files, or opens those that are there and makes the others.</summary>
    public PackWriters(string directory, PackLayout layout, bool resumes)
    {
        _layout = layout;
        CheckpointWriter Open(CheckpointLayout files) => resumes
            ? CheckpointWriter.Resume(directory, files)
            : CheckpointWriter.Create(directory, files);

        Banks = Open(layout.Banks);
        try
        {
            Parts = layout.Parts is { } parts ? Open(parts) : null;
        }
        catch
        {
            Banks.Dispose();
            throw;
        }
    }

    /// <summary>Writes what stands under the tensors' own names.</summary>
    public CheckpointWriter Banks { get; }

    /// <summary>Writes the parts; null where there is none.</summary>
    public CheckpointWriter? Parts { get; }

    /// <summary>Whether anything of a tensor is in a file that was made just now.</summary>
    public bool IsNew(int tensor) => Banks.IsNew(_layout.Banks[tensor].Shard)
        || _layout.PlacesOf(tensor).Any(place => Parts!.IsNew(_layout.Parts![place].Shard));

    /// <summary>Returns when everything written of some tensors is on disk.</summary>
    public void Flush(IEnumerable<int> tensors)
    {
        int[] all = [.. tensors];
        foreach (int shard in all.Select(tensor => _layout.Banks[tensor].Shard).Distinct())
        {
            Banks.FlushShard(shard);
        }

        foreach (int shard in all.SelectMany(_layout.PlacesOf).Select(place => _layout.Parts![place].Shard).Distinct())
        {
            Parts!.FlushShard(shard);
        }
    }

    /// <summary>Puts everything on disk and checks that it reads back as planned.</summary>
    public void Complete()
    {
        Banks.Complete();
        Parts?.Complete();
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        Banks.Dispose();
        Parts?.Dispose();
    }
}
