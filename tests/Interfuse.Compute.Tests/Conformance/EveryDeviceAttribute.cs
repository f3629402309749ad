namespace Interfuse.Compute.Tests.Conformance;

/// <summary>
/// Runs a fixture, a <see cref="DeviceFixture"/>, once per device. Where a device is not there, its fixture is there
/// all the same, and says why its tests were skipped.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class EveryDeviceAttribute() : TestFixtureSourceAttribute(typeof(TestDevice), nameof(TestDevice.All));
