namespace Interfuse.Checkpoints;

/// <summary>A checkpoint's files contradict their format, each other, or what a merge needs of them.</summary>
public sealed class CheckpointFormatException : InterfuseException
{
    /// <summary>
    /// Makes an error about a file, and about one tensor in it where <paramref name="tensor"/> is given.
    /// </summary>
    /// <param name="path">The file or directory at fault.</param>
    /// <param name="reason">What was found, what was expected and what to do, without the path.</param>
    /// <param name="tensor">The tensor at fault, if the fault is one tensor's.</param>
    public CheckpointFormatException(string path, string reason, string? tensor = null)
        : base(tensor is null ? $"{path}: {reason}" : $"{path}: tensor '{tensor}': {reason}")
    {
        Path = path;
        Reason = reason;
        Tensor = tensor;
    }

    /// <summary>The file or directory at fault.</summary>
    public string Path { get; }

    /// <summary>The tensor at fault, or null when the fault is the file's.</summary>
    public string? Tensor { get; }

    /// <summary>What was found, what was expected and what to do.</summary>
    public string Reason { get; }
}
