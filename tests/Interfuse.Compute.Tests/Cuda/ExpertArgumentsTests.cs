using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Interfuse.Compute.Cuda;

namespace Interfuse.Compute.Tests.Cuda;

/// <summary>The structs that kernels of expert banks take: the sizes their sources assert, and where fields after
/// arrays lie.</summary>
public unsafe class ExpertArgumentsTests
{
    [Test]
    public void Structs_are_as_large_as_in_the_kernels()
    {
        Assert.That(Unsafe.SizeOf<ClusterArguments>(), Is.EqualTo(280));
        Assert.That(Unsafe.SizeOf<GatherArguments>(), Is.EqualTo(56));
        Assert.That(Unsafe.SizeOf<GatherBatchArguments>(), Is.EqualTo(3632));
        Assert.That(Unsafe.SizeOf<GatherMultiplyArguments>(), Is.EqualTo(320));
    }

    [Test]
    public void Fields_lie_where_the_kernels_look_for_them()
    {
        Assert.That(Offset<ClusterArguments>(nameof(ClusterArguments.Bank)), Is.EqualTo(136));
        Assert.That(Offset<ClusterArguments>(nameof(ClusterArguments.BaseType)), Is.EqualTo(184));
        Assert.That(Offset<ClusterArguments>(nameof(ClusterArguments.BankType)), Is.EqualTo(252));
        Assert.That(Offset<GatherBatchArguments>(nameof(GatherBatchArguments.Places)), Is.EqualTo(48));
        Assert.That(Offset<GatherMultiplyArguments>(nameof(GatherMultiplyArguments.Experts)), Is.EqualTo(64));
    }

    private static int Offset<T>(string field) => (int)Marshal.OffsetOf<T>(field);
}
