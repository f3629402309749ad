using System.Globalization;

namespace Interfuse.Compute.Cuda;

/// <summary>A call of the CUDA driver failed.</summary>
public sealed class CudaDriverException : InterfuseException
{
    /// <summary>Says which call failed and how.</summary>
    /// <param name="code">The driver's status code.</param>
    /// <param name="name">The driver's name for it, for example <c>CUDA_ERROR_LAUNCH_FAILED</c>.</param>
    /// <param name="call">The function that returned it, and what it was to do where that helps.</param>
    /// <param name="description">The driver's description of the status.</param>
    /// <param name="advice">What to do about it, where that is known.</param>
    public CudaDriverException(int code, string name, string call, string? description = null, string? advice = null)
        : base(
            string.Create(CultureInfo.InvariantCulture, $"{call} failed: {name} ({code})")
            + (description is null ? "" : $", {description}")
            + (advice is null ? "" : $"; {advice}"))
    {
        Code = code;
        Name = name;
        Call = call;
    }

    /// <summary>The status code, a <c>CUresult</c> of cuda.h.</summary>
    public int Code { get; }

    /// <summary>The status' name in cuda.h.</summary>
    public string Name { get; }

    /// <summary>The function that failed.</summary>
    public string Call { get; }
}
