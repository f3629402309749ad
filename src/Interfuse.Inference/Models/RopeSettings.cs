namespace Interfuse.Inference.Models;

/// <summary>How the rotation of positions is scaled beyond the length of training.</summary>
public enum RopeScaling
{
    /// <summary>Not at all (Su et al., 2021).</summary>
    Default,

    /// <summary>Positions are divided by the factor (Chen et al., 2023).</summary>
    Linear,

    /// <summary>The base grows with the sequence's length (dynamic NTK).</summary>
    Dynamic,

    /// <summary>Long wavelengths are stretched, short ones kept, with a ramp between (Llama 3.1).</summary>
    Llama3,

    /// <summary>The same by numbers of turns, and attention is sharpened (YaRN; Peng et al., 2023).</summary>
    Yarn,
}

/// <summary>How positions are rotated.</summary>
public sealed record RopeSettings
{
    /// <summary>How it is scaled.</summary>
    public RopeScaling Scaling { get; init; }

    /// <summary>The base of the frequencies, above 0.</summary>
    public double Theta { get; init; } = 10000;

    /// <summary>How many times longer than in training sequences may be, above 0.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>The length of training, in positions.</summary>
    public int TrainedLength { get; init; }

    /// <summary>Llama 3.1: wavelengths above <see cref="TrainedLength"/> / this are stretched whole.</summary>
    public double LowFrequencyFactor { get; init; } = 1;

    /// <summary>Llama 3.1: wavelengths below <see cref="TrainedLength"/> / this are kept.</summary>
    public double HighFrequencyFactor { get; init; } = 4;

    /// <summary>YaRN: frequencies that turn more often than this within the length of training are kept.</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary>YaRN: frequencies that turn less often than this are stretched whole.</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary>YaRN: whether the ramp's ends are whole numbers.</summary>
    public bool Truncate { get; init; } = true;

    /// <summary>What cosines and sines are multiplied by; 1 but for YaRN.</summary>
    public double AttentionFactor { get; init; } = 1;
}
