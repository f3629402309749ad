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
        Assert.That(Unsafe.SizeOf<ExpertMatricesArguments>(), Is.EqualTo(232));
        Assert.That(Unsafe.SizeOf<GroupBankArguments>(), Is.EqualTo(24));
        Assert.That(Unsafe.SizeOf<ClusterArguments>(), Is.EqualTo(280));
        Assert.That(Unsafe.SizeOf<ChannelGramsArguments>(), Is.EqualTo(240));
        Assert.That(Unsafe.SizeOf<MergeGroupsArguments>(), Is.EqualTo(264));
        Assert.That(Unsafe.SizeOf<GatherArguments>(), Is.EqualTo(56));
        Assert.That(Unsafe.SizeOf<GatherBatchArguments>(), Is.EqualTo(3632));
        Assert.That(Unsafe.SizeOf<GatherMultiplyArguments>(), Is.EqualTo(320));
        Assert.That(Unsafe.SizeOf<SparseSource>(), Is.EqualTo(56));
        Assert.That(Unsafe.SizeOf<MaskedSource>(), Is.EqualTo(64));
        Assert.That(Unsafe.SizeOf<RowRange>(), Is.EqualTo(24));
        Assert.That(Unsafe.SizeOf<RowBatch>(), Is.EqualTo(3600));
        Assert.That(Unsafe.SizeOf<ProductBatch>(), Is.EqualTo(544));
        Assert.That(Unsafe.SizeOf<BankArguments<SparseSource, RowBatch>>(), Is.EqualTo(3656));
        Assert.That(Unsafe.SizeOf<BankArguments<MaskedSource, ProductBatch>>(), Is.EqualTo(608));
    }

    [Test]
    public void Fields_lie_where_the_kernels_look_for_them()
    {
        Assert.That(Offset<ExpertMatricesArguments>(nameof(ExpertMatricesArguments.Channels)), Is.EqualTo(136));
        Assert.That(Offset<ExpertMatricesArguments>(nameof(ExpertMatricesArguments.BaseType)), Is.EqualTo(152));
        Assert.That(Offset<ExpertMatricesArguments>(nameof(ExpertMatricesArguments.ExpertCount)), Is.EqualTo(220));
        Assert.That(Offset<ClusterArguments>(nameof(ClusterArguments.Bank)), Is.EqualTo(232));
        Assert.That(Offset<ClusterArguments>(nameof(ClusterArguments.Groups)), Is.EqualTo(256));
        Assert.That(Offset<ChannelGramsArguments>(nameof(ChannelGramsArguments.Grams)), Is.EqualTo(232));
        Assert.That(Offset<MergeGroupsArguments>(nameof(MergeGroupsArguments.Table)), Is.EqualTo(256));
        Assert.That(Offset<GatherBatchArguments>(nameof(GatherBatchArguments.Places)), Is.EqualTo(48));
        Assert.That(Offset<GatherMultiplyArguments>(nameof(GatherMultiplyArguments.Experts)), Is.EqualTo(64));
        Assert.That(Offset<RowBatch>(nameof(RowBatch.Places)), Is.EqualTo(16));
        Assert.That(Offset<ProductBatch>(nameof(ProductBatch.Experts)), Is.EqualTo(32));
        Assert.That(Offset<ProductBatch>(nameof(ProductBatch.Members)), Is.EqualTo(288));
    }

    private static int Offset<T>(string field) => (int)Marshal.OffsetOf<T>(field);
}
