namespace Interfuse.Experts;

/// <summary>What a pack's hashes say about its files.</summary>
/// <param name="Files">The files that were looked at, with <c>pack.json</c> and <c>pack.sha256</c>.</param>
/// <param name="Bytes">The bytes that were hashed.</param>
/// <param name="Faults">What is wrong, file by file; empty for a sound pack.</param>
public sealed record PackVerification(int Files, long Bytes, IReadOnlyList<PackFault> Faults)
{
    /// <summary>Whether every file is as it was made.</summary>
    public bool IsSound => Faults.Count == 0;
}

/// <summary>Something wrong with a file of a pack.</summary>
/// <param name="File">The file's name, without folders.</param>
/// <param name="Reason">What is wrong and what to do.</param>
public sealed record PackFault(string File, string Reason);
