using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Interfuse.Compute.Cuda;

namespace Interfuse.Compute.Tests.Cuda;

/// <summary>The sizes that kernels/matmul_arguments.h, decoder_arguments.h and attention_arguments.h assert of the same
/// structs, and where fields after nested ones lie.</summary>
public class DecoderArgumentsTests
{
    [Test]
    public void Arguments_are_as_large_as_the_structs_of_the_kernels()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Unsafe.SizeOf<MatMulArguments>(), Is.EqualTo(72));
            Assert.That(Unsafe.SizeOf<RmsNormArguments>(), Is.EqualTo(56));
            Assert.That(Unsafe.SizeOf<AddBiasArguments>(), Is.EqualTo(48));
            Assert.That(Unsafe.SizeOf<RotateArguments>(), Is.EqualTo(40));
            Assert.That(Unsafe.SizeOf<SwiGluArguments>(), Is.EqualTo(40));
            Assert.That(Unsafe.SizeOf<TokenPagesArguments>(), Is.EqualTo(48));
            Assert.That(Unsafe.SizeOf<StoreKeyValuesArguments>(), Is.EqualTo(72));
            Assert.That(Unsafe.SizeOf<AttentionArguments>(), Is.EqualTo(112));
        });
    }

    [Test]
    public void Fields_lie_where_the_kernels_look_for_them()
    {
        Assert.That(Offset<AttentionArguments>(nameof(AttentionArguments.Queries)), Is.EqualTo(48));
        Assert.That(Offset<AttentionArguments>(nameof(AttentionArguments.Group)), Is.EqualTo(96));
        Assert.That(Offset<AttentionArguments>(nameof(AttentionArguments.Pages)), Is.EqualTo(108));
    }

    private static int Offset<T>(string field) => (int)Marshal.OffsetOf<T>(field);
}
