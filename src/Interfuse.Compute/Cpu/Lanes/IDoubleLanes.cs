namespace Interfuse.Compute;

/// <summary>What a reduction asks of a vector width: float64 lanes.</summary>
internal interface IDoubleLanes<TDouble>
{
    static abstract int Count { get; }

    static abstract TDouble Load(ref readonly double origin, nuint index);

    /// <summary>Loads float32 values as float64, which is exact.</summary>
    static abstract TDouble Load(ref readonly float origin, nuint index);

    /// <summary>Loads bfloat16 values as float64, which is exact.</summary>
    static abstract TDouble LoadBFloat16(ref readonly ushort origin, nuint index);

    static abstract void Store(TDouble value, ref double origin, nuint index);

    static abstract TDouble Add(TDouble left, TDouble right);

    static abstract TDouble Multiply(TDouble left, TDouble right);

    static abstract TDouble Abs(TDouble value);
}
