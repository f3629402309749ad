namespace Interfuse.Compute;

/// <summary>
/// What a kernel asks of a vector width: float32 lanes, the same lanes as bits, and comparisons whose masks are all
/// ones or all zeros in each lane. Kernels are written once against it; the type arguments are the vectors themselves,
/// so that the JIT compiles each width exactly.
/// </summary>
/// <remarks>Arithmetic rounds once per operation, to nearest even; nothing here is ever contracted unasked.</remarks>
/// <typeparam name="TFloat">The lanes as float32.</typeparam>
/// <typeparam name="TBits">The lanes as 32-bit words.</typeparam>
internal interface ILanes<TFloat, TBits>
{
    static abstract int Count { get; }

    static abstract TFloat Broadcast(float value);

    static abstract TBits Broadcast(uint value);

    static abstract TFloat Load(ref readonly float origin, nuint index);

    static abstract TBits Load(ref readonly uint origin, nuint index);

    /// <summary>Loads 16-bit words, each zero-extended to a lane.</summary>
    static abstract TBits Load(ref readonly ushort origin, nuint index);

    /// <summary>Loads 16-bit words, each the upper half of a lane whose lower half may hold anything.</summary>
    static abstract TBits LoadUpper(ref readonly ushort origin, nuint index);

    /// <summary>Loads float64 values, each rounded to nearest even.</summary>
    static abstract TFloat Load(ref readonly double origin, nuint index);

    /// <summary>Loads 16-bit words, each the upper half of a lane whose lower half is zero.</summary>
    static abstract TFloat LoadBFloat16(ref readonly ushort origin, nuint index);

    static abstract void Store(TFloat value, ref float origin, nuint index);

    static abstract void Store(TBits value, ref uint origin, nuint index);

    /// <summary>The same; for the hint, see <see cref="StoreUpper"/>.</summary>
    static abstract void Store(TBits value, ref uint origin, nuint index, bool pastCaches);

    /// <summary>Stores the lower 16 bits of each lane.</summary>
    static abstract void Store(TBits value, ref ushort origin, nuint index);

    /// <summary>Stores the upper 16 bits of each lane.</summary>
    /// <param name="value">The lanes.</param>
    /// <param name="origin">Where element 0 lies.</param>
    /// <param name="index">The first lane's element.</param>
    /// <param name="pastCaches">
    /// That the destination is aligned, and so large that it only pushes other things out of the caches. A hint.
    /// </param>
    static abstract void StoreUpper(TBits value, ref ushort origin, nuint index, bool pastCaches);

    /// <summary>Stores each lane as a float64.</summary>
    static abstract void Store(TFloat value, ref double origin, nuint index);

    static abstract TFloat Add(TFloat left, TFloat right);

    /// <summary><c>left + right</c> where <paramref name="value"/> is above 0, else <c>left</c>.</summary>
    static abstract TFloat AddWherePositive(TFloat value, TFloat left, TFloat right);

    /// <summary>The same twice, by one comparison.</summary>
    static abstract void AddWherePositive(
        TFloat value, ref TFloat first, TFloat toFirst, ref TFloat second, TFloat toSecond);

    /// <summary>The sum of all lanes: the lower half takes the upper half, the quarters likewise, down to one lane.</summary>
    static abstract float Fold(TFloat value);

    static abstract TFloat Subtract(TFloat left, TFloat right);

    static abstract TFloat Multiply(TFloat left, TFloat right);

    /// <summary><c>left * right</c> where the bound is greater, unsigned, than the word; else +0.</summary>
    static abstract TFloat MultiplyWhereBelow(TBits word, TBits bound, TFloat left, TFloat right);

    static abstract TFloat Divide(TFloat left, TFloat right);

    /// <summary><c>left / right</c> where <paramref name="right"/> is not 0, else <c>left</c>.</summary>
    static abstract TFloat DivideUnlessZero(TFloat left, TFloat right);

    /// <summary><c>left * right + addend</c> with one rounding, for the operations that say so.</summary>
    static abstract TFloat FusedMultiplyAdd(TFloat left, TFloat right, TFloat addend);

    /// <summary>The greater one; either where one is NaN, either of +0 and -0.</summary>
    static abstract TFloat Max(TFloat left, TFloat right);

    /// <summary>The smaller one; either where one is NaN, either of +0 and -0.</summary>
    static abstract TFloat Min(TFloat left, TFloat right);

    static abstract TBits AsBits(TFloat value);

    static abstract TFloat AsFloat(TBits value);

    static abstract TBits Add(TBits left, TBits right);

    static abstract TBits Subtract(TBits left, TBits right);

    /// <summary>The smaller one, unsigned.</summary>
    static abstract TBits Min(TBits left, TBits right);

    static abstract TBits And(TBits left, TBits right);

    static abstract TBits Or(TBits left, TBits right);

    static abstract TBits Xor(TBits left, TBits right);

    static abstract TBits ShiftLeft(TBits value, int count);

    /// <summary>Each lane's lower half in its upper half; its lower half then holds anything.</summary>
    static abstract TBits RaiseLowerHalves(TBits value);

    static abstract TBits ShiftRight(TBits value, int count);

    /// <summary>False for NaN, like every comparison of floats here.</summary>
    static abstract TBits GreaterThan(TFloat left, TFloat right);

    static abstract TBits Equal(TFloat left, TFloat right);

    /// <summary>Unsigned, like every comparison of words here.</summary>
    static abstract TBits GreaterThan(TBits left, TBits right);

    static abstract TBits GreaterOrEqual(TBits left, TBits right);

    static abstract TBits Equal(TBits left, TBits right);

    static abstract TFloat Select(TBits mask, TFloat where, TFloat otherwise);

    static abstract TBits Select(TBits mask, TBits where, TBits otherwise);

    /// <summary>
    /// <c>Select(GreaterThan(left, right), where, otherwise)</c>, by a mask register where there is one.
    /// </summary>
    static abstract TFloat SelectGreater(TFloat left, TFloat right, TFloat where, TFloat otherwise);

    /// <summary><c>Select(GreaterOrEqual(left, right), where, otherwise)</c>, likewise.</summary>
    static abstract TFloat SelectGreaterOrEqual(TBits left, TBits right, TFloat where, TFloat otherwise);

    /// <summary>The mask of the lanes whose bits are set: lane k's is bit index + k of the words.</summary>
    /// <param name="words">The words, bit 0 of the first one lowest.</param>
    /// <param name="index">A multiple of <see cref="Count"/>.</param>
    static abstract TBits BitMask(ref readonly uint words, nuint index);

    /// <summary>One bit per lane of a mask, lane 0 lowest.</summary>
    static abstract uint Lanes(TBits mask);

    /// <summary><c>Lanes(GreaterOrEqual(left, right))</c>, likewise.</summary>
    static abstract uint LanesGreaterOrEqual(TBits left, TBits right);

    /// <summary>
    /// Stores the lanes where <paramref name="mask"/> is set, closed up, from <paramref name="index"/> on. All of
    /// <see cref="Count"/> words from there may be overwritten.
    /// </summary>
    static abstract void StoreSelected(TBits mask, TBits value, ref uint origin, nuint index);
}
