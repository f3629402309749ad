namespace Interfuse.Experts;

public sealed partial class ExpertPack
{
    /// <summary>Looks up rows of one expert's tensor.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="expert">The expert, by its place in <see cref="Experts"/>.</param>
    /// <param name="rows">Which rows, in any order, each 0 to m - 1.</param>
    /// <param name="destination">Receives them, one after the other, bit for bit as stored.</param>
    /// <exception cref="ArgumentException">There is no such expert or row, or the destination has another
    /// length.</exception>
    /// <exception cref="ObjectDisposedException">The pack is disposed of.</exception>
    public void Rows(PackTensor tensor, int expert, ReadOnlySpan<long> rows, Span<byte> destination) =>
        Rows(tensor, ExpertMix.Of(expert), rows, destination);

    /// <summary>Looks up consecutive rows of one expert's tensor, on the calling thread.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="expert">The expert, by its place in <see cref="Experts"/>.</param>
    /// <param name="firstRow">The first row.</param>
    /// <param name="destination">Receives as many whole rows as it has room for.</param>
    /// <exception cref="ArgumentException">There is no such expert, there are no such rows, or the destination holds no
    /// whole number of them.</exception>
    /// <exception cref="ObjectDisposedException">The pack is disposed of.</exception>
    public void Rows(PackTensor tensor, int expert, long firstRow, Span<byte> destination) =>
        Rows(tensor, ExpertMix.Of(expert), firstRow, destination);

    /// <summary>Reads part of one expert's tensor, on the calling thread.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="expert">The expert, by its place in <see cref="Experts"/>.</param>
    /// <param name="byteOffset">The first byte, counted from the tensor's first.</param>
    /// <param name="destination">Receives as many bytes as it is long.</param>
    /// <exception cref="ArgumentException">There is no such expert, or the range is not within the tensor.</exception>
    /// <exception cref="ObjectDisposedException">The pack is disposed of.</exception>
    public void Read(PackTensor tensor, int expert, long byteOffset, Span<byte> destination) =>
        Read(tensor, ExpertMix.Of(expert), byteOffset, destination);

    /// <summary>Reads one expert's tensor whole, on all cores.</summary>
    /// <remarks>
    /// A span holds up to 2 GiB. Tensors above that are read in parts by the other overload, or gathered into memory of
    /// a device, whose length has no such limit.
    /// </remarks>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="expert">The expert, by its place in <see cref="Experts"/>.</param>
    /// <param name="destination">Receives the tensor's bytes.</param>
    /// <exception cref="ArgumentException">There is no such expert, or the destination has another length.</exception>
    /// <exception cref="ObjectDisposedException">The pack is disposed of.</exception>
    public void Read(PackTensor tensor, int expert, Span<byte> destination) =>
        Read(tensor, ExpertMix.Of(expert), destination);
}
