namespace Interfuse.Compute;

/// <summary>Where a kernel's values come from: a row of elements, seen as float32.</summary>
internal interface IElementSource
{
    TFloat Load<TLanes, TFloat, TBits>(nuint index)
        where TLanes : struct, ILanes<TFloat, TBits>;

    /// <summary>The same as float64, which is exact.</summary>
    TDouble LoadDouble<TLanes, TDouble>(nuint index)
        where TLanes : struct, IDoubleLanes<TDouble>;
}

/// <summary>Several equally long rows of elements, seen as float32.</summary>
internal interface IElementRows
{
    TFloat Load<TLanes, TFloat, TBits>(nuint row, nuint index)
        where TLanes : struct, ILanes<TFloat, TBits>;
}

/// <summary>Where a kernel's values go.</summary>
internal interface IElementSink
{
    /// <summary>Infinite and NaN values stored, where values are rounded; else 0.</summary>
    int NonFinite { get; }

    void Store<TLanes, TFloat, TBits>(TFloat value, nuint index)
        where TLanes : struct, ILanes<TFloat, TBits>;
}
