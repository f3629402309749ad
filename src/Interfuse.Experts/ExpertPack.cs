using System.Diagnostics.CodeAnalysis;
using Interfuse.Checkpoints;

namespace Interfuse.Experts;

/// <summary>An open expert pack: every expert's tensors, out of one set of files.</summary>
/// <remarks>
/// <para>
/// Opening maps the files and reads headers, tables and JSON only, so it takes milliseconds and next to no memory,
/// whatever the pack's size; several processes share the pages. What a later lookup relies on is checked here.
/// </para>
/// <para>
/// Any number of threads may read at once. Disposing while others read is safe: files stay mapped until the last
/// reading and the last <see cref="LoadedTensor"/> is done, and whoever comes later gets an
/// <see cref="ObjectDisposedException"/>. The files must not be written to while the pack is open.
/// </para>
/// </remarks>
public sealed partial class ExpertPack : IDisposable
{
    private readonly List<MappedFile> _files = [];
    private readonly Dictionary<string, PackTensor> _byName = new(StringComparer.Ordinal);

    private ExpertPack(string path, PackManifest manifest)
    {
        Path = path;
        Manifest = manifest;
    }

    /// <summary>The full path of the directory.</summary>
    public string Path { get; }

    /// <summary>What <c>pack.json</c> says.</summary>
    public PackManifest Manifest { get; }

    /// <summary>The experts' names.</summary>
    public IReadOnlyList<string> Experts => Manifest.Experts;

    /// <summary>The tensors of an expert, in the order of a model's.</summary>
    public IReadOnlyList<PackTensor> Tensors { get; private set; } = [];

    /// <summary>The experts' <c>config.json</c>, or null when there is none.</summary>
    public ModelConfig? Config { get; private set; }

    /// <summary>The names of the files that travel with an expert, as <see cref="Checkpoint.SideFiles"/>
    /// are.</summary>
    public IReadOnlyList<string> SideFiles { get; private set; } = [];

    /// <summary>Whether a directory is a pack: whether it has a <c>pack.json</c>.</summary>
    public static bool IsPack(string path) => File.Exists(System.IO.Path.Combine(path, PackManifest.FileName));

    /// <summary>Opens a pack and checks that its files are there and agree.</summary>
    /// <remarks>Weights are not looked at: <see cref="Verify"/> does that.</remarks>
    /// <param name="path">The directory.</param>
    /// <exception cref="CheckpointFormatException">There is no pack, or it is incomplete or unsound.</exception>
    /// <exception cref="IOException">A file cannot be opened, read or mapped.</exception>
    public static ExpertPack Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!IsPack(path))
        {
            throw NoPack(path);
        }

        path = System.IO.Path.GetFullPath(path);
        var pack = new ExpertPack(path, PackManifest.Read(System.IO.Path.Combine(path, PackManifest.FileName)));
        try
        {
            pack.OpenFiles();
            return pack;
        }
        catch
        {
            pack.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Compares every file of a pack with its hash, and finds files that no hash vouches for. Any bit that has changed
    /// since the pack was made is found.
    /// </summary>
    /// <param name="path">The directory.</param>
    /// <param name="progress">Is told how many bytes have been hashed, from any thread.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <exception cref="CheckpointFormatException">There is no pack.</exception>
    /// <exception cref="IOException">A file cannot be opened or read.</exception>
    /// <exception cref="OperationCanceledException">It was asked for.</exception>
    public static PackVerification Verify(
        string path, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return IsPack(path)
            ? new PackVerifier(System.IO.Path.GetFullPath(path), progress, cancellation).Run()
            : throw NoPack(path);
    }

    /// <summary>The place of an expert in <see cref="Experts"/>.</summary>
    /// <param name="name">Its name, exactly.</param>
    /// <exception cref="InterfuseException">There is none of this name.</exception>
    public int FindExpert(string name)
    {
        for (int expert = 0; expert < Experts.Count; expert++)
        {
            if (Experts[expert] == name)
            {
                return expert;
            }
        }

        throw new InterfuseException(
            $"{Path}: has no expert '{name}'; there are {string.Join(", ", Experts.Select(expert => $"'{expert}'"))}.");
    }

    /// <summary>Reads a mixture of the experts, see <see cref="ExpertMix.Parse"/>.</summary>
    /// <param name="text">The text, for example <c>math=0.7,code=0.3</c>.</param>
    /// <exception cref="InterfuseException">The text is no mixture of these experts.</exception>
    public ExpertMix FindMix(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return ExpertMix.ParseOf(Path, text, Experts);
    }

    /// <summary>Finds a tensor by its exact name.</summary>
    /// <exception cref="CheckpointFormatException">There is none of this name.</exception>
    public PackTensor FindTensor(string name) =>
        _byName.GetValueOrDefault(name)
        ?? throw new CheckpointFormatException(Path, "is not in this pack; see 'interfuse inspect PACK --tensors'", name);

    /// <summary>Finds a tensor by its exact name.</summary>
    public bool TryFindTensor(string name, [NotNullWhen(true)] out PackTensor? tensor) =>
        _byName.TryGetValue(name, out tensor);

    /// <summary>Ends the use of the pack; its files are unmapped once nothing uses them any more.</summary>
    public void Dispose() => _files.ForEach(file => file.Dispose());

    private static CheckpointFormatException NoPack(string path) => new(
        path,
        Directory.Exists(path)
            ? $"has no {PackManifest.FileName}; give the directory of an expert pack"
            : "there is no such directory; give the directory of an expert pack");

    private void OpenFiles()
    {
        var listed = Manifest.Files.ToDictionary(file => file.Name, StringComparer.Ordinal);
        foreach (PackFileEntry file in Manifest.Files)
        {
            if (!File.Exists(InPack(file.Name)))
            {
                throw Fault($"lists the file {file.Name}, which is missing; copy the whole pack again");
            }
        }

        var parts = new PackParts(Path, Experts);
        using (var banks = Checkpoint.Open(Path))
        {
            Config = banks.Config;
            SideFiles = [.. banks.SideFiles.Where(listed.ContainsKey)];
            foreach (IGrouping<SafetensorsFile, CheckpointTensor> file in banks.Tensors.GroupBy(tensor => tensor.File))
            {
                Map(file.Key, parts.AddBank);
            }
        }

        if (File.Exists(InPack(PackManifest.IndexFileName)))
        {
            using var tables = SafetensorsFile.Open(InPack(PackManifest.IndexFileName));
            Map(tables, parts.AddTable);
        }

        CheckFiles(listed);
        Tensors = [.. Manifest.Tensors.Select(entry => new PackTensor(entry, parts))];
        parts.CheckNothingLeft();
        foreach (PackTensor tensor in Tensors)
        {
            _byName.Add(tensor.Name, tensor);
        }
    }

    private void Map(SafetensorsFile file, Action<MappedTensor> add)
    {
        var mapped = MappedFile.Map(file);
        _files.Add(mapped);
        foreach (TensorInfo tensor in file.Tensors)
        {
            add(new MappedTensor(mapped, tensor));
        }
    }

    // After the headers, which can tell which tensor a file that is too short has lost.
    private void CheckFiles(Dictionary<string, PackFileEntry> listed)
    {
        foreach (PackFileEntry file in listed.Values)
        {
            long length = new FileInfo(InPack(file.Name)).Length;
            if (length != file.Bytes)
            {
                throw new CheckpointFormatException(
                    InPack(file.Name),
                    $"is {length} bytes long, and {PackManifest.FileName} says {file.Bytes}; copy the whole pack again");
            }
        }

        // Whatever is read must be under a hash. A router that is not listed is not read: it is being put in, see
        // RouterInstaller.
        string? stranger = Directory.EnumerateFiles(Path)
            .Select(file => System.IO.Path.GetFileName(file))
            .Where(name => name.EndsWith(".safetensors", StringComparison.Ordinal) || IsReadHere(name))
            .FirstOrDefault(name => !listed.ContainsKey(name) && name != PackManifest.RouterFileName);
        if (stranger is not null)
        {
            throw Fault($"does not list {stranger}, which is in the directory; delete the file, or make the pack again");
        }
    }

    private static bool IsReadHere(string name) => name is "config.json" or "model.safetensors.index.json";

    private string InPack(string name) => System.IO.Path.Combine(Path, name);

    private CheckpointFormatException Fault(string reason) => new(InPack(PackManifest.FileName), reason);
}
