using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>The floors of src/: each may use only the floors below it.</summary>
public sealed class ArchitectureTests
{
    // From the ground up. A project that is not here has no place yet: give it one.
    private static readonly string[] Floors =
    [
        "Interfuse.Checkpoints",
        "Interfuse.Compute",
        "Interfuse.Merging",
        "Interfuse.Experts",
        "Interfuse.Inference",
        "Interfuse.Server",
        "Interfuse.Cli",
    ];

    private static readonly string[] Parts = ["src", "tests", "benchmarks"];

    private static string[] SourceProjects =>
        [.. ProjectsIn("src").Select(project => Path.GetFileNameWithoutExtension(project)).Order()];

    [Test]
    public void Every_project_in_src_has_a_floor()
    {
        Assert.That(SourceProjects, Is.SubsetOf(Floors).And.Not.Empty);
    }

    [TestCaseSource(nameof(SourceProjects))]
    public void A_project_refers_only_to_floors_below_it(string project)
    {
        IEnumerable<string> references = XDocument.Load(ProjectFile("src", project))
            .Descendants("ProjectReference")
            .Select(reference => reference.Attribute("Include")!.Value.Replace('\\', '/'))
            .Select(path => Path.GetFileNameWithoutExtension(path)!);

        Assert.That(references, Is.SubsetOf(FloorsBelow(project)));
    }

    [TestCaseSource(nameof(SourceProjects))]
    public void A_built_assembly_uses_only_floors_below_it(string project)
    {
        string name = XDocument.Load(ProjectFile("src", project)).Descendants("AssemblyName").SingleOrDefault()?.Value
            ?? project;
        using FileStream stream = File.OpenRead(Path.Combine(AppContext.BaseDirectory, name + ".dll"));
        using var assembly = new PEReader(stream);
        MetadataReader metadata = assembly.GetMetadataReader();
        string[] references =
        [
            .. metadata.AssemblyReferences
                .Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))
                .Where(reference => reference.StartsWith("interfuse", StringComparison.OrdinalIgnoreCase)),
        ];

        Assert.That(references, Is.SubsetOf(FloorsBelow(project)));
    }

    [TestCaseSource(nameof(SourceProjects))]
    public void A_project_in_src_has_a_test_project(string project)
    {
        Assert.That(ProjectFile("tests", project + ".Tests"), Does.Exist);
    }

    [Test]
    public void Every_project_is_in_the_solution()
    {
        string solution = File.ReadAllText(Repository.PathOf("Engine.sln")).Replace('\\', '/');
        IEnumerable<string> outside = Parts
            .SelectMany(ProjectsIn)
            .Select(project => Path.GetRelativePath(Repository.Root, project).Replace('\\', '/'))
            .Where(project => !solution.Contains($"\"{project}\"", StringComparison.Ordinal));

        Assert.That(outside, Is.Empty);
    }

    private static IEnumerable<string> FloorsBelow(string project) => Floors.TakeWhile(floor => floor != project);

    private static string ProjectFile(string part, string project) =>
        Repository.PathOf(part, project, project + ".csproj");

    private static string[] ProjectsIn(string part) =>
        Directory.GetFiles(Repository.PathOf(part), "*.csproj", SearchOption.AllDirectories);
}
