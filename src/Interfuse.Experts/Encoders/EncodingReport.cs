using Interfuse.Merging.Execution;

namespace Interfuse.Experts.Encoders;

/// <summary>What encoding a pack did.</summary>
/// <param name="Target">The directory made.</param>
/// <param name="Manifest">What its <c>pack.json</c> says.</param>
/// <param name="Elapsed">From the first byte read to the directory in place.</param>
/// <param name="Threads">The threads used.</param>
/// <param name="Device">The device that computed, in words.</param>
/// <param name="TensorsResumed">Tensors taken over from an interrupted run.</param>
/// <param name="TensorBytes">Bytes of all tensors and tables.</param>
/// <param name="NonFinite">Tensors with NaN or infinite values.</param>
/// <param name="BytesByTensor">What each of the manifest's tensors takes, tables and parts included.</param>
public sealed record EncodingReport(
    string Target,
    PackManifest Manifest,
    TimeSpan Elapsed,
    int Threads,
    string Device,
    int TensorsResumed,
    long TensorBytes,
    IReadOnlyList<NonFiniteTensor> NonFinite,
    IReadOnlyList<long> BytesByTensor);
