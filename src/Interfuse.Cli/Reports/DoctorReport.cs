namespace Interfuse.Cli;

/// <summary>What a machine offers (<c>interfuse doctor</c>).</summary>
internal sealed record DoctorReport(
    string Version, string Runtime, string System, int Cores, long Memory, string Folder, long FolderFree,
    string CpuPath, bool PathsAgree, double CopyBytesPerSecond, string Cuda)
{
    public string ToText() => Reports.ToText(
        $"Interfuse {Version}",
        ("runtime", Runtime),
        ("system", System),
        ("cores", $"{Cores}"),
        ("memory", Sizes.FormatMemory(Memory)),
        ("free disk", $"{Sizes.Format(FolderFree)} in {Folder}"),
        ("CPU path", CpuPath),
        ("self-check", PathsAgree
            ? "all CPU paths give the same bytes"
            : "FAILED: CPU paths give different bytes; please report this machine"),
        ("memory copy", $"{Sizes.Format(CopyBytesPerSecond)}/s on one thread"),
        ("CUDA", Cuda));
}
