using Interfuse.Testing;

namespace Interfuse.Server.Tests;

/// <summary>What the README shows is what the example does, which the solution compiles.</summary>
public sealed class ExampleTests
{
    [Test]
    public void The_readme_quotes_the_embedding_example()
    {
        string[] program = File.ReadAllLines(Repository.PathOf("examples", "embedding", "Program.cs"));
        string quoted = string.Join('\n', program
            .SkipWhile(line => line != "// README: begin").Skip(1).TakeWhile(line => line != "// README: end")).Trim();

        Assert.That(quoted, Is.Not.Empty);
        Assert.That(File.ReadAllText(Repository.PathOf("README.md")), Does.Contain($"```csharp\n{quoted}\n```"));
    }
}
