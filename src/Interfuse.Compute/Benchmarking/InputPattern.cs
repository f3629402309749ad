namespace Interfuse.Compute.Benchmarking;

/// <summary>What the tensors of a benchmark hold. All but the first make an exact selection hard.</summary>
internal enum InputPattern
{
    /// <summary>A base like trained weights, and experts that differ from it by a tenth of that.</summary>
    Random,

    /// <summary>Every delta is the same: the answer is a matter of ties alone.</summary>
    AllEqual,

    /// <summary>Deltas that differ in their last bits only: one bin of a first histogram has them all.</summary>
    SharedLeadingBits,

    /// <summary>Deltas of four values.</summary>
    FewValues,

    /// <summary>Deltas that grow with their index, so that no part of the tensor is like another.</summary>
    Sorted,
}
