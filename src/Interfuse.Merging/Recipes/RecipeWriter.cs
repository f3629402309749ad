using System.Globalization;
using Interfuse.Checkpoints;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Interfuse.Merging.Recipes;

/// <summary>Writes a recipe as YAML.</summary>
internal sealed partial class RecipeWriter
{
    private readonly Emitter _emitter;

    private RecipeWriter(TextWriter text)
    {
        // No line is folded: paths may have spaces.
        _emitter = new Emitter(text, new EmitterSettings().WithBestWidth(int.MaxValue).WithNewLine("\n"));
    }

    /// <summary>Gives the recipe's YAML, in UTF-16, ending with a line feed.</summary>
    public static string Write(Recipe recipe)
    {
        var text = new StringWriter(CultureInfo.InvariantCulture);
        new RecipeWriter(text).WriteDocument(recipe);
        return text.ToString();
    }

    private void WriteDocument(Recipe recipe)
    {
        _emitter.Emit(new StreamStart());
        _emitter.Emit(new DocumentStart(null, null, isImplicit: true));
        BeginMap();
        WriteEntry("merge_method", recipe.MergeMethod);
        WriteEntry("base_model", recipe.BaseModel?.Text);
        WriteList("models", recipe.Models, WriteSource);
        WriteList("slices", recipe.Slices, WriteSlice);
        WriteParameters(recipe.Parameters);
        WriteEntry("dtype", recipe.DType?.TorchName());
        WriteEntry("out_dtype", recipe.OutDType?.TorchName());
        WriteEntry("tokenizer_source", recipe.TokenizerSource?.Text);
        WriteSearch(recipe.Search);
        WriteEvaluation(recipe.Evaluation);
        EndMap();
        _emitter.Emit(new DocumentEnd(isImplicit: true));
        _emitter.Emit(new StreamEnd());
    }

    private void WriteSlice(RecipeSlice slice)
    {
        BeginMap();
        WriteList("sources", slice.Sources, WriteSource);
        WriteParameters(slice.Parameters);
        EndMap();
    }

    private void WriteSource(RecipeSource source)
    {
        BeginMap();
        WriteEntry("model", source.Model.Text);
        WriteEntry("name", source.Name);
        if (source.Layers is { } layers)
        {
            WriteText("layer_range");
            WriteNumbers([layers.Start, layers.End]);
        }

        WriteParameters(source.Parameters);
        EndMap();
    }

    private void WriteParameters(ParameterSet parameters)
    {
        if (parameters.Items.Count > 0)
        {
            WriteText("parameters");
            BeginMap();
            foreach (Parameter parameter in parameters.Items)
            {
                WriteText(parameter.Name);
                WriteSetting(parameter.Setting);
            }

            EndMap();
        }
    }

    private void WriteSetting(ParameterSetting setting)
    {
        switch (setting)
        {
            case NumberSetting { IsFlag: true, Value: var flag }:
                WritePlain(flag == 0 ? "false" : "true");
                break;
            case NumberSetting { Word: { } word }:
                WriteText(word);
                break;
            case NumberSetting { Value: var number }:
                WriteNumber(number);
                break;
            case GradientSetting { Values: var values }:
                WriteNumbers(values);
                break;
            case ConditionalSetting { Entries: var entries }:
                BeginList(SequenceStyle.Block);
                foreach ((string? filter, ParameterSetting value) in entries)
                {
                    BeginMap();
                    WriteEntry("filter", filter);
                    WriteText("value");
                    WriteSetting(value);
                    EndMap();
                }

                EndList();
                break;
        }
    }

    private void WriteList<T>(string key, IReadOnlyList<T> items, Action<T> write)
    {
        if (items.Count > 0)
        {
            WriteText(key);
            BeginList(SequenceStyle.Block);
            foreach (T item in items)
            {
                write(item);
            }

            EndList();
        }
    }

    private void WriteNumbers(IEnumerable<double> numbers)
    {
        BeginList(SequenceStyle.Flow);
        foreach (double number in numbers)
        {
            WriteNumber(number);
        }

        EndList();
    }

    private void WriteEntry(string key, string? value)
    {
        if (value is not null)
        {
            WriteText(key);
            WriteText(value);
        }
    }

    // Shortest form that reads back as the same double.
    private void WriteNumber(double number) => WritePlain(number.ToString("R", CultureInfo.InvariantCulture));

    private void WritePlain(string text) => _emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, text,
        ScalarStyle.Plain, isPlainImplicit: true, isQuotedImplicit: false));

    // In quotes unless no reader can take the text for a number, true, false, nothing or a piece of grammar.
    private void WriteText(string text)
    {
        string first = text.TrimStart('.', '/', '_');
        bool isWord = first.Length > 0 && char.IsAsciiLetter(first[0]) && text.All(IsPlain) && !IsKeyword(text);
        ScalarStyle style = isWord ? ScalarStyle.Plain : ScalarStyle.DoubleQuoted;
        _emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, text, style, isPlainImplicit: true,
            isQuotedImplicit: true));
    }

    private static bool IsPlain(char letter) =>
        char.IsAsciiLetterOrDigit(letter) || letter is '.' or '/' or '_' or '-' or '+' or '@';

    private static bool IsKeyword(string text) => text.TrimStart('.').ToLowerInvariant()
        is "null" or "inf" or "nan" or "true" or "false" or "yes" or "no" or "on" or "off" or "y" or "n";

    private void BeginMap() =>
        _emitter.Emit(new MappingStart(AnchorName.Empty, TagName.Empty, isImplicit: true, MappingStyle.Block));

    private void EndMap() => _emitter.Emit(new MappingEnd());

    private void BeginList(SequenceStyle style) =>
        _emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, isImplicit: true, style));

    private void EndList() => _emitter.Emit(new SequenceEnd());
}
