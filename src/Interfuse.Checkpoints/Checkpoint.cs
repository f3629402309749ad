using System.Diagnostics.CodeAnalysis;

namespace Interfuse.Checkpoints;

/// <summary>
/// An open model: a Hugging Face directory (<c>model.safetensors</c>, or <c>model.safetensors.index.json</c> and its
/// shards) or one safetensors file. Opening reads headers and JSON files only.
/// </summary>
public sealed partial class Checkpoint : IDisposable
{
    internal const string SingleFileName = "model.safetensors";

    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, CheckpointTensor> _byName = new(StringComparer.Ordinal);
    private readonly List<CheckpointTensor> _tensors = [];

    private Checkpoint(string path) => Path = path;

    /// <summary>The full path of the directory or file.</summary>
    public string Path { get; }

    /// <summary>The model's <c>config.json</c>; null when there is none, and for a single file.</summary>
    public ModelConfig? Config { get; private set; }

    /// <summary>
    /// All tensors, shard by shard in the order of the shards' names, in the order of their bytes within a shard.
    /// </summary>
    public IReadOnlyList<CheckpointTensor> Tensors => _tensors;

    /// <summary>The bytes of all tensors together.</summary>
    public long WeightBytes => _tensors.Sum(tensor => tensor.ByteLength);

    /// <summary>
    /// The names of the files that travel with a model, in ordinal order: tokenizer, chat template, generation
    /// settings, licence, code. Not among them: weights and their indexes, <c>config.json</c>, <c>README.md</c>,
    /// recipes of earlier merges, hidden files, folders. Empty for a single file.
    /// </summary>
    public IReadOnlyList<string> SideFiles { get; private set; } = [];

    /// <summary>Opens a model and checks that its files are complete and agree.</summary>
    /// <param name="path">A model directory or a <c>.safetensors</c> file.</param>
    /// <exception cref="CheckpointFormatException">There is no model at the path, or its files are incomplete or
    /// disagree.</exception>
    /// <exception cref="IOException">A file cannot be opened or read.</exception>
    public static Checkpoint Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var checkpoint = new Checkpoint(System.IO.Path.GetFullPath(path));
        try
        {
            if (Directory.Exists(path))
            {
                checkpoint.OpenDirectory();
            }
            else if (File.Exists(path))
            {
                checkpoint.OpenFile();
            }
            else
            {
                throw NothingThere(path);
            }

            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>Finds a tensor by its exact name.</summary>
    public bool TryGetTensor(string name, [NotNullWhen(true)] out CheckpointTensor? tensor) =>
        _byName.TryGetValue(name, out tensor);

    /// <summary>Closes all files.</summary>
    public void Dispose() => _files.ForEach(file => file.Dispose());

    private void OpenDirectory()
    {
        string index = InDirectory(ShardIndex.FileName);
        bool single = File.Exists(InDirectory(SingleFileName));
        if (File.Exists(index))
        {
            OpenShards(ShardIndex.Read(index), single);
        }
        else if (single)
        {
            Add(InDirectory(SingleFileName));
        }
        else
        {
            throw NoWeights();
        }

        _tensors.ForEach(tensor => _byName.Add(tensor.Name, tensor));
        string config = InDirectory("config.json");
        Config = File.Exists(config) ? ModelConfig.Read(config) : null;
        SideFiles = FindSideFiles(Path);
    }

    private void OpenFile()
    {
        if (IsForeignWeightFile(Path))
        {
            throw new CheckpointFormatException(
                Path, "is not a safetensors file, the only kind Interfuse reads; convert the model first");
        }

        Add(Path);
        _tensors.ForEach(tensor => _byName.Add(tensor.Name, tensor));
    }

    private void OpenShards(ShardIndex index, bool single)
    {
        if (single && !index.Shards.Contains(SingleFileName))
        {
            throw new CheckpointFormatException(
                Path, $"holds both {SingleFileName} and an index of other shards; delete the one that is out of date");
        }

        foreach (string shard in index.Shards)
        {
            string path = InDirectory(shard);
            if (!File.Exists(path))
            {
                throw new CheckpointFormatException(
                    index.Path, $"lists the shard {shard}, which is missing; the download is incomplete, run it again");
            }

            Add(path);
        }

        index.Check(_tensors);
    }

    private void Add(string path)
    {
        var file = SafetensorsFile.Open(path);
        _files.Add(file);
        _tensors.AddRange(file.Tensors.Select(tensor => new CheckpointTensor(tensor, file)));
    }

    private string InDirectory(string name) => System.IO.Path.Combine(Path, name);

    private static CheckpointFormatException NothingThere(string path)
    {
        bool looksLikeHubName = path.Count(c => c == '/') == 1 && path[0] is not ('.' or '/' or '~') && path[^1] != '/';
        string name = looksLikeHubName ? path : "ORG/NAME";
        return new CheckpointFormatException(
            path,
            "there is no such file or directory; Interfuse reads local models, so download it first, for example with "
            + $"'hf download {name} --local-dir DIR', and give DIR");
    }

    private CheckpointFormatException NoWeights()
    {
        string[] names = [.. Directory.EnumerateFiles(Path).Select(file => System.IO.Path.GetFileName(file)).Order()];
        string? safetensors = names.FirstOrDefault(name => System.IO.Path.GetExtension(name) == ".safetensors");
        string? foreign = names.FirstOrDefault(IsForeignWeightFile);
        string lacks = $"has neither {SingleFileName} nor {ShardIndex.FileName}";
        return new CheckpointFormatException(Path, (safetensors, foreign) switch
        {
            (not null, _) => $"{lacks}, but it does hold {safetensors}; give the path of that file to use it",
            (_, not null) => $"{lacks}, but {foreign}; Interfuse reads safetensors only, so convert the model first or "
                + "download it as safetensors",
            _ => $"{lacks}; give the directory of a Hugging Face model",
        });
    }
}
