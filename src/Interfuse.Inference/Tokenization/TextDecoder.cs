using System.Text.Json;

namespace Interfuse.Inference.Tokenization;

/// <summary>The steps from tokens to text.</summary>
internal sealed class TextDecoder
{
    private const string Supported =
        "ByteLevel, ByteFallback, Fuse, Metaspace, Replace, Strip and Sequence are supported";

    private readonly List<Func<DecoderStep>> _steps = [];
    private readonly TokenizerSettings _settings;
    private bool _fused;

    private TextDecoder(TokenizerSettings settings) => _settings = settings;

    /// <summary>Reads the decoder of a <c>tokenizer.json</c>.</summary>
    public static TextDecoder Read(JsonElement? element, TokenizerSettings settings)
    {
        var decoder = new TextDecoder(settings);
        if (element is JsonElement given)
        {
            decoder.Add(given);
        }
        else
        {
            decoder._steps.Add(() => new JoiningStep());
        }

        return decoder;
    }

    /// <summary>The steps, ready for a stream of tokens.</summary>
    public DecoderStep[] Start() => [.. _steps.Select(make => make())];

    private void Add(JsonElement element)
    {
        string type = _settings.Text(element, "type", "the decoder");
        string part = $"the decoder {type}";
        switch (type)
        {
            case "Sequence":
                foreach (JsonElement step in _settings.List(element, "decoders", part).EnumerateArray())
                {
                    Add(step);
                }

                break;
            case "Fuse":
                _fused = true;
                break;
            case "Strip":
                AddStrip(element, part);
                break;
            case "Replace":
                AddReplace(element, part);
                break;
            case "ByteLevel" when !_fused:
                _steps.Add(() => new ByteLevelStep());
                _fused = true;
                break;
            case "ByteFallback" when !_fused:
                _steps.Add(() => new ByteFallbackStep());
                break;
            case "Metaspace" when !_fused:
                MetaspaceSettings metaspace = MetaspaceSettings.Read(element, part, _settings);
                _steps.Add(() => new MetaspaceStep(metaspace));
                break;
            case "ByteLevel" or "ByteFallback" or "Metaspace":
                throw _settings.Fault($"has the decoder '{type}' after the tokens are joined, which is not supported; "
                    + "use a tokenizer of a supported family");
            default:
                throw _settings.Fault($"has the decoder '{type}', and {Supported}; use a tokenizer of such a family");
        }
    }

    private void AddReplace(JsonElement element, string part)
    {
        TextPattern pattern = TextPattern.Read(element, part, _settings);
        string content = _settings.Text(element, "content", part);
        if (_fused && pattern.Literal is not { Length: 1 })
        {
            // A match could begin in one token and end in a later one, and then nothing could be streamed.
            throw _settings.Fault($"{part} replaces more than one character after the tokens are joined, which is not "
                + "supported; use a tokenizer of a supported family");
        }

        _steps.Add(() => new RewritingStep(text => pattern.Replace(text, content)));
    }

    private void AddStrip(JsonElement element, string part)
    {
        string content = _settings.Text(element, "content", part);
        if (content.Length != 1)
        {
            throw _settings.Fault($"{part} strips '{content}', where one character is expected; download the file again");
        }

        int start = _settings.Count(element, "start", part);
        int stop = _settings.Count(element, "stop", part);
        Func<DecoderStep> strip = () => new StreamStripStep(content[0], start, stop);
        _steps.Add(_fused ? strip : () => new RewritingStep(text => StripOne(strip(), text)));
    }

    private static string StripOne(DecoderStep strip, string text)
    {
        var output = new List<string>();
        strip.Push(text, output);
        return string.Concat(output);
    }
}
