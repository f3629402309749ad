namespace Interfuse.Compute;

/// <summary>
/// A sum over a block in the canonical order: element i adds into lane i % 16, each lane in the order of its elements,
/// and a tree combines the lanes.
/// </summary>
internal interface IReduction
{
    /// <summary>
    /// Adds the elements from <paramref name="start"/> up to <paramref name="end"/> that belong to as many lanes as the
    /// vector has, the first of them being <paramref name="lane"/>. Start and lane agree; each step goes 16 elements
    /// ahead.
    /// </summary>
    void AddLanes<TLanes, TDouble>(nuint lane, nuint start, nuint end)
        where TLanes : struct, IDoubleLanes<TDouble>;
}
