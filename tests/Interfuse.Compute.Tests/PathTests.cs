namespace Interfuse.Compute.Tests;

[NonParallelizable]
public class PathTests
{
    private const string Variable = "INTERFUSE_CPU_PATH";
    private string? _before;

    [SetUp]
    public void Remember() => _before = Environment.GetEnvironmentVariable(Variable);

    [TearDown]
    public void Restore() => Environment.SetEnvironmentVariable(Variable, _before);

    [TestCase("scalar", CpuPath.Scalar)]
    [TestCase("128", CpuPath.Vector128)]
    [TestCase("256", CpuPath.Vector256)]
    [TestCase("512", CpuPath.Vector512)]
    public void The_environment_variable_forces_a_path(string value, CpuPath path)
    {
        Environment.SetEnvironmentVariable(Variable, value);
        Assert.That(CpuKernels.BestPath, Is.EqualTo(path));
        Assert.That(new CpuKernels().Path, Is.EqualTo(path));
    }

    [Test]
    public void An_unknown_path_is_an_error_that_names_the_choices()
    {
        Environment.SetEnvironmentVariable(Variable, "1024");
        Assert.That(
            () => new CpuKernels(),
            Throws.InstanceOf<InterfuseException>()
                .With.Message.Contains("1024").And.Message.Contains("scalar, 128, 256 or 512"));
    }

    [Test]
    public void Without_the_variable_the_best_path_is_at_least_as_wide_as_the_runtime_recommends()
    {
        Environment.SetEnvironmentVariable(Variable, null);
        int bits = CpuKernels.BestPath switch
        {
            CpuPath.Vector512 => 512,
            CpuPath.Vector256 => 256,
            CpuPath.Vector128 => 128,
            _ => 0,
        };
        Assert.That(bits, Is.GreaterThanOrEqualTo(8 * System.Numerics.Vector<byte>.Count));
    }

    [Test]
    public void A_path_that_does_not_exist_is_refused() =>
        Assert.That(() => new CpuKernels((CpuPath)4), Throws.InstanceOf<ArgumentOutOfRangeException>());
}
