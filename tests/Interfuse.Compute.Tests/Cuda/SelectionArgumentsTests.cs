using System.Runtime.CompilerServices;
using Interfuse.Compute.Cuda;

namespace Interfuse.Compute.Tests.Cuda;

/// <summary>The sizes that kernels/select_arguments.h asserts for the same structs.</summary>
public class SelectionArgumentsTests
{
    private static readonly (int Size, int Expected, string Name)[] Structs =
    [
        (Unsafe.SizeOf<SelectionPair>(), 32, nameof(SelectionPair)),
        (Unsafe.SizeOf<SelectionState>(), 72, nameof(SelectionState)),
        (Unsafe.SizeOf<SelectionRange>(), 16, nameof(SelectionRange)),
        (Unsafe.SizeOf<TileCount>(), 8, nameof(TileCount)),
        (Unsafe.SizeOf<SelectSampleArguments>(), 48, nameof(SelectSampleArguments)),
        (Unsafe.SizeOf<SelectDigitsArguments>(), 40, nameof(SelectDigitsArguments)),
        (Unsafe.SizeOf<SelectPickArguments>(), 24, nameof(SelectPickArguments)),
        (Unsafe.SizeOf<SelectSweepArguments>(), 88, nameof(SelectSweepArguments)),
        (Unsafe.SizeOf<SelectTallyArguments>(), 40, nameof(SelectTallyArguments)),
        (Unsafe.SizeOf<SelectCountArguments>(), 64, nameof(SelectCountArguments)),
        (Unsafe.SizeOf<SelectScanArguments>(), 24, nameof(SelectScanArguments)),
        (Unsafe.SizeOf<SelectWriteArguments>(), 88, nameof(SelectWriteArguments)),
        (Unsafe.SizeOf<SelectLocateArguments>(), 80, nameof(SelectLocateArguments)),
        (Unsafe.SizeOf<SelectHistogramArguments>(), 56, nameof(SelectHistogramArguments)),
    ];

    [Test]
    public void Arguments_are_as_large_as_the_kernels_have_them()
    {
        Assert.Multiple(() =>
        {
            foreach ((int size, int expected, string name) in Structs)
            {
                Assert.That(size, Is.EqualTo(expected), name);
            }
        });
    }
}
