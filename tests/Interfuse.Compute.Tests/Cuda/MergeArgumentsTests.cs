using System.Runtime.CompilerServices;
using Interfuse.Compute.Cuda;

namespace Interfuse.Compute.Tests.Cuda;

/// <summary>The sizes that kernels/merge_arguments.h asserts of the same structs.</summary>
public class MergeArgumentsTests
{
    [Test]
    public void Arguments_are_as_large_as_the_structs_of_the_kernels()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Unsafe.SizeOf<ConvertArguments>(), Is.EqualTo(48));
            Assert.That(Unsafe.SizeOf<LinearCombinationArguments>(), Is.EqualTo(296));
            Assert.That(Unsafe.SizeOf<TaskTermArguments>(), Is.EqualTo(56));
            Assert.That(Unsafe.SizeOf<TaskVectorArguments>(), Is.EqualTo(104));
            Assert.That(Unsafe.SizeOf<MergeArguments>(), Is.EqualTo(968));
            Assert.That(Unsafe.SizeOf<ConflictArguments>(), Is.EqualTo(928));
            Assert.That(Unsafe.SizeOf<DotArguments>(), Is.EqualTo(48));
            Assert.That(Unsafe.SizeOf<MagnitudeSumsArguments>(), Is.EqualTo(96));
        });
    }
}
