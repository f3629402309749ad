namespace Interfuse.Compute.Tests.Conformance;

/// <summary>Says at the end which devices the suite did not run on: what is not tested is not silent.</summary>
[SetUpFixture]
public class ConformanceSummary
{
    [OneTimeTearDown]
    public void Tell()
    {
        foreach (string line in TestDevice.NotRun)
        {
            TestContext.Error.WriteLine(line);
        }

        TestDevice.CloseAll();
    }
}
