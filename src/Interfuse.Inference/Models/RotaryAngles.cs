namespace Interfuse.Inference.Models;

/// <summary>The cosines and sines of rotary positions (Su et al., 2021), in float64 and rounded once.</summary>
internal sealed class RotaryAngles
{
    private readonly RopeSettings _settings;
    private readonly int _headLength;
    private readonly double[] _frequencies;

    // Dynamic scaling: the frequencies of the last length asked for.
    private readonly double[] _stretched;
    private int _stretchedFor;

    /// <param name="settings">The settings, checked.</param>
    /// <param name="headLength">d, a multiple of 2.</param>
    public RotaryAngles(RopeSettings settings, int headLength)
    {
        _settings = settings;
        _headLength = headLength;
        _frequencies = new double[headLength / 2];
        _stretched = new double[headLength / 2];
        FillPlain(settings.Theta, _frequencies);
        switch (settings.Scaling)
        {
            case RopeScaling.Linear:
                Scale(_ => 1);
                break;
            case RopeScaling.Llama3:
                Scale(i => Llama3Share(_frequencies[i]));
                break;
            case RopeScaling.Yarn:
                (double low, double high) = YarnRamp();
                Scale(i => Math.Clamp((i - low) / (high - low), 0, 1));
                break;
            default:
                break;
        }
    }

    /// <summary>The angles of one position.</summary>
    /// <param name="position">The position, from 0 on.</param>
    /// <param name="sequenceLength">Of the prompt it belongs to, or position + 1 beyond the prompt: what dynamic scaling
    /// goes by. A position keeps the rotation it was first given.</param>
    /// <param name="angles">Receives d / 2 cosines, then as many sines.</param>
    public void Fill(int position, int sequenceLength, Span<float> angles)
    {
        double[] frequencies = FrequenciesAt(sequenceLength);
        int half = frequencies.Length;
        for (int i = 0; i < half; i++)
        {
            (double sine, double cosine) = Math.SinCos(position * frequencies[i]);
            angles[i] = (float)(cosine * _settings.AttentionFactor);
            angles[half + i] = (float)(sine * _settings.AttentionFactor);
        }
    }

    private double[] FrequenciesAt(int length)
    {
        if (_settings.Scaling != RopeScaling.Dynamic || length <= _settings.TrainedLength)
        {
            return _frequencies;
        }

        if (_stretchedFor != length)
        {
            double stretch = (_settings.Factor * length / _settings.TrainedLength) - (_settings.Factor - 1);
            double exponent = _headLength / (_headLength - 2.0);
            FillPlain(_settings.Theta * Math.Pow(stretch, exponent), _stretched);
            _stretchedFor = length;
        }

        return _stretched;
    }

    private void FillPlain(double theta, double[] frequencies)
    {
        for (int i = 0; i < frequencies.Length; i++)
        {
            frequencies[i] = Math.Pow(theta, -2.0 * i / _headLength);
        }
    }

    // Share 1 divides a frequency by the factor, share 0 keeps it.
    private void Scale(Func<int, double> share)
    {
        for (int i = 0; i < _frequencies.Length; i++)
        {
            double part = share(i);
            _frequencies[i] = (part * _frequencies[i] / _settings.Factor) + ((1 - part) * _frequencies[i]);
        }
    }

    private double Llama3Share(double frequency)
    {
        double turns = _settings.TrainedLength * frequency / (2 * Math.PI);
        double kept = (turns - _settings.LowFrequencyFactor)
            / (_settings.HighFrequencyFactor - _settings.LowFrequencyFactor);
        return 1 - Math.Clamp(kept, 0, 1);
    }

    private (double Low, double High) YarnRamp()
    {
        double Place(double turns) => _headLength
            * Math.Log(_settings.TrainedLength / (2 * Math.PI * turns)) / (2 * Math.Log(_settings.Theta));

        double low = Place(_settings.BetaFast);
        double high = Place(_settings.BetaSlow);
        if (_settings.Truncate)
        {
            low = Math.Floor(low);
            high = Math.Ceiling(high);
        }

        low = Math.Max(low, 0);
        high = Math.Min(high, _headLength - 1);
        return (low, high == low ? high + 0.001 : high);
    }
}
