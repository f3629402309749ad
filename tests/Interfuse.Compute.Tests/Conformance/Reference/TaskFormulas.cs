namespace Interfuse.Compute.Tests.Conformance;

/// <summary>The arithmetic of task vectors in float32, one element at a time, as <see cref="TaskTerm"/> says.</summary>
internal static class TaskFormulas
{
    public static bool IsKept(float delta, TopKThreshold keep, long element)
    {
        uint magnitude = Formulas.Magnitude(delta);
        return magnitude > keep.Bits || (magnitude == keep.Bits && element < keep.TieEnd);
    }

    public static float Trimmed(float baseValue, float expert, TopKThreshold keep, long element)
    {
        float delta = expert - baseValue;
        return IsKept(delta, keep, element) ? delta : 0f;
    }

    /// <summary>The d of a task term.</summary>
    public static float Survivor(float baseValue, float expert, TaskTerm term, long element)
    {
        bool dropped = term.Drop is RandomDrop drop && Philox.Number(drop.Seed, drop.Stream, element) >= drop.KeepBelow;
        return dropped ? 0f : Trimmed(baseValue, expert, term.Keep ?? TopKThreshold.All, element);
    }

    public static float Contribution(float baseValue, float expert, TaskTerm term, long element)
    {
        float scaled = term.Scale * Survivor(baseValue, expert, term, element);
        return term.Weight * scaled;
    }
}
