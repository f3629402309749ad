using System.Security.Cryptography;
using Interfuse.Checkpoints;
using Interfuse.Experts.Routing;

namespace Interfuse.Experts;

public sealed partial class ExpertPack
{
    /// <summary>Whether the pack has a router.</summary>
    public bool HasRouter => Manifest.Files.Any(file => file.Name == PackManifest.RouterFileName);

    /// <summary>Reads the pack's router, and checks that its bytes are those it was given and that it is this
    /// pack's.</summary>
    /// <exception cref="InterfuseException">The pack has no router.</exception>
    /// <exception cref="CheckpointFormatException">It is damaged, or another pack's.</exception>
    /// <exception cref="IOException">It cannot be opened or read.</exception>
    public PackRouter OpenRouter()
    {
        PackFileEntry entry = Manifest.Files.FirstOrDefault(file => file.Name == PackManifest.RouterFileName)
            ?? throw new InterfuseException(
                $"{Path}: has no router; train one by 'interfuse route train PACK --calibration DIR', or choose an expert "
                + "by name.");
        string path = InPack(entry.Name);
        using (FileStream file = File.OpenRead(path))
        {
            if (file.Length != entry.Bytes || Convert.ToHexStringLower(SHA256.HashData(file)) != entry.Sha256)
            {
                throw new CheckpointFormatException(
                    path, $"is not what {PackManifest.FileName} lists; train the router again, or copy the pack again");
            }
        }

        PackRouter router = RouterFileReader.Read(path);
        return router.Facts.PackHash == PackIdentity.Of(Manifest) && router.Experts.SequenceEqual(Experts)
            ? router
            : throw new CheckpointFormatException(
                path,
                "was trained for another pack: its experts, weights, configuration or tokenizer are not this one's; train a "
                + "router for this pack by 'interfuse route train PACK --calibration DIR'");
    }
}
