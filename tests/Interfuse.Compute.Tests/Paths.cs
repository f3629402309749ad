namespace Interfuse.Compute.Tests;

/// <summary>Runs a fixture once per path; all paths work on any machine, those it lacks in software.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class EveryPathAttribute() : TestFixtureSourceAttribute(typeof(EveryPathAttribute), nameof(Paths))
{
    public static CpuPath[] Paths => Enum.GetValues<CpuPath>();
}
