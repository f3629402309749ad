namespace Interfuse.Compute;

/// <summary>
/// A kernel whose steps are long chains of operations that wait for each other, cut in two: what begins one step has
/// nothing to wait for in what ends the one before, so that a processor does both at once.
/// </summary>
internal interface IStagedKernel : IKernel
{
    /// <summary>Loads and computes from <paramref name="index"/> on, up to a few values. It stores nothing.</summary>
    void Begin<TLanes, TFloat, TBits>(
        nuint index, out TFloat first, out TFloat second, out TFloat third, out TFloat fourth)
        where TLanes : struct, ILanes<TFloat, TBits>;

    /// <summary>Computes the rest from those values, and stores it.</summary>
    void End<TLanes, TFloat, TBits>(nuint index, TFloat first, TFloat second, TFloat third, TFloat fourth)
        where TLanes : struct, ILanes<TFloat, TBits>;
}
