namespace Interfuse.Compute;

/// <summary>A kernel's arithmetic: its arguments are its fields, the loop over the block is not its business.</summary>
internal interface IKernel
{
    /// <summary>Does the elements from <paramref name="index"/> on, one per lane.</summary>
    void Step<TLanes, TFloat, TBits>(nuint index)
        where TLanes : struct, ILanes<TFloat, TBits>;
}
