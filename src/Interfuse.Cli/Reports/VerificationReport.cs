using Interfuse.Experts;

namespace Interfuse.Cli;

/// <summary>What a pack's hashes say (<c>interfuse verify</c>).</summary>
internal sealed record VerificationReport(
    string Path, bool Sound, int Files, long Bytes, double Seconds, IReadOnlyList<PackFault> Faults)
{
    public static VerificationReport Of(string path, PackVerification verification, TimeSpan elapsed) => new(
        System.IO.Path.GetFullPath(path),
        verification.IsSound,
        verification.Files,
        verification.Bytes,
        elapsed.TotalSeconds,
        verification.Faults);

    public string ToText() =>
        Messages.OneLine($"{Path}: {Sizes.Count(Files, "file")}, {Sizes.Format(Bytes)}, every hash is right");
}
