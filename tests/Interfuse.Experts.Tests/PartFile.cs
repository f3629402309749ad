using Interfuse.Checkpoints;

namespace Interfuse.Experts.Tests;

/// <summary>Damages the file with the parts of a pack.</summary>
internal static class PartFile
{
    public delegate void Change(Span<byte> data);

    /// <summary>Changes the bytes of a part; the manifest's hash is no longer right, which opening doesn't look at.</summary>
    public static void Damage(string path, string part, Change change)
    {
        TensorInfo info;
        using (var file = SafetensorsFile.Open(path))
        {
            info = file.Tensors.Single(tensor => tensor.Name == part);
        }

        byte[] bytes = File.ReadAllBytes(path);
        change(bytes.AsSpan((int)info.Offset, (int)info.ByteLength));
        File.WriteAllBytes(path, bytes);
    }

    /// <summary>Says other things of the parts in their file's header, and seals the pack anew.</summary>
    public static void Rewrite(string directory, Func<TensorSpec, TensorSpec> change)
    {
        string path = Path.Combine(directory, PackManifest.PartsFileName);
        TensorInfo[] tensors;
        using (var file = SafetensorsFile.Open(path))
        {
            tensors = [.. file.Tensors.OrderBy(tensor => tensor.Offset)];
        }

        byte[] bytes = File.ReadAllBytes(path);
        TensorSpec[] specs = [.. tensors.Select(tensor => change(new TensorSpec(tensor.Name, tensor.DType, [.. tensor.Shape])))];
        using (FileStream file = File.Create(path))
        {
            file.Write(SafetensorsHeader.Write(specs, new Dictionary<string, string>()));
            file.Write(bytes.AsSpan((int)tensors[0].Offset));
        }

        PackBuilder.Seal(directory, PackManifest.Read(Path.Combine(directory, PackManifest.FileName)));
    }
}
