using System.Collections.Concurrent;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>A device that the conformance suite runs on, opened once per process when the first fixture asks for it.</summary>
/// <remarks>
/// A process binds one driver library. That is the software driver, unless <c>INTERFUSE_TEST_CUDA=1</c> asks for the
/// machine's own. <c>INTERFUSE_REQUIRE_GPU=1</c> does too, and makes a missing GPU a failure, as
/// <c>INTERFUSE_REQUIRE_SOFTWARE_CUDA=1</c> makes a missing software driver.
/// </remarks>
public sealed class TestDevice
{
    private static readonly ConcurrentDictionary<string, string> NotRunBy = new();

    private readonly string _name;
    private readonly bool _required;
    private readonly Lazy<(Device? Device, string Reason)> _opened;

    private TestDevice(string name, Func<Device> open, bool required = true)
    {
        _name = name;
        _required = required;
        _opened = new Lazy<(Device?, string)>(() => Open(open));
    }

    /// <summary>The reference first: it shows that the suite agrees with itself.</summary>
    public static IReadOnlyList<TestDevice> All { get; } =
    [
        new("reference", () => new ReferenceDevice()),
        new("software", OpenSoftware, IsSet("INTERFUSE_REQUIRE_SOFTWARE_CUDA")),
        new("cuda", OpenCuda, IsSet("INTERFUSE_REQUIRE_GPU")),
    ];

    /// <summary>Which fixtures did not run, and why: one line per reason.</summary>
    public static IEnumerable<string> NotRun => NotRunBy
        .GroupBy(fixture => fixture.Value, fixture => fixture.Key)
        .Select(reason => $"{reason.Count()} conformance fixtures did not run: {reason.Key}");

    private static bool RealDriver => IsSet("INTERFUSE_TEST_CUDA") || IsSet("INTERFUSE_REQUIRE_GPU");

    /// <summary>As in the names of the fixtures.</summary>
    public override string ToString() => _name;

    /// <summary>The device. Where it is not there, ends the fixture that asks: skipped, or failed if it is required.</summary>
    public Device Open()
    {
        (Device? device, string reason) = _opened.Value;
        if (device is null)
        {
            NotRunBy[TestContext.CurrentContext.Test.FullName] = $"{_name}: {reason}";
            if (_required)
            {
                Assert.Fail($"{_name} is required here, but is not there: {reason}");
            }

            Assert.Ignore($"{_name} is not there: {reason}");
        }

        return device;
    }

    /// <summary>Gives the opened devices back.</summary>
    public static void CloseAll()
    {
        foreach (TestDevice device in All.Where(device => device._opened.IsValueCreated))
        {
            device._opened.Value.Device?.Dispose();
        }
    }

    private static (Device?, string) Open(Func<Device> open)
    {
        try
        {
            return (open(), "");
        }
        catch (NotSupportedException e)
        {
            return (null, e.Message);
        }
    }

    private static Device OpenSoftware() => throw new NotSupportedException(RealDriver
        ? "this process runs on the machine's own CUDA driver"
        : "the software CUDA driver is not landed");

    private static Device OpenCuda() => throw new NotSupportedException(RealDriver
        ? "the CUDA device is not landed"
        : "this process runs on the software CUDA driver; set INTERFUSE_TEST_CUDA=1 for the machine's own");

    private static bool IsSet(string variable) => Environment.GetEnvironmentVariable(variable) == "1";
}
