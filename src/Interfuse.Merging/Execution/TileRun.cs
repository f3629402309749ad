namespace Interfuse.Merging.Execution;

/// <summary>Some consecutive tiles of a tensor: what one thread takes at a time.</summary>
internal readonly record struct TileRun(int First, int Count);
