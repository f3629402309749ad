using System.Text.Json;
using Interfuse.Checkpoints;
using Interfuse.Inference.Tokenization;

namespace Interfuse.Inference.Chat;

/// <summary>A model's chat template: how a conversation is written as the text that the model continues.</summary>
/// <remarks>
/// Templates are programs in the language Jinja. They are not run: a template is compared, spelled uniformly, with those
/// that Interfuse knows, and rendered by what was written and tested for it. One that is not known is refused, because a
/// prompt that is nearly right makes a model answer badly without any error. Known are ChatML with or without a
/// default system prompt (Qwen 1.5 to 2.5, OpenHermes and others), Llama 3, Llama 2, Mistral Instruct 0.1 to 0.3 and
/// Zephyr; tools are not rendered.
/// </remarks>
public sealed class ChatTemplate
{
    private const string TemplateFile = "chat_template.jinja";
    private const string Supported = "ChatML (Qwen 1.5 to 2.5 and others), Llama 2, Llama 3, Mistral Instruct and Zephyr";

    private readonly ChatFormat _format;
    private readonly ChatSettings _settings;

    private ChatTemplate(ChatFormat format, ChatSettings settings)
    {
        _format = format;
        _settings = settings;
    }

    /// <summary>The format that the template was recognised as.</summary>
    public string Name => _format.Name;

    /// <summary>
    /// Reads <c>chat_template.jinja</c>, or else <c>chat_template</c> in <c>tokenizer_config.json</c>: a text, or a list
    /// of named ones, of which the one named <c>default</c> is taken.
    /// </summary>
    /// <param name="directory">A model directory.</param>
    /// <exception cref="CheckpointFormatException">
    /// There is no template, or it is none of those that are known.
    /// </exception>
    public static ChatTemplate Load(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        string path = Path.Combine(directory, TemplateFile);
        string? template = File.Exists(path) ? File.ReadAllText(path) : null;
        if (template is null)
        {
            path = Path.Combine(directory, SpecialTokens.ConfigFile);
            var settings = new TokenizerSettings(path);
            template = File.Exists(path) ? settings.Read(root => FromConfig(root, settings)) : null;
        }

        if (template is null)
        {
            throw new CheckpointFormatException(
                path, $"has no chat template, and there is no {TemplateFile}; give the model a plain prompt");
        }

        var form = TemplateForm.Of(template);
        var special = SpecialTokens.Read(directory);
        return ChatFormat.Known.TryGetValue(form.Fingerprint, out ChatFormat? format)
            ? new ChatTemplate(format, new ChatSettings(special.Begin ?? "", special.End ?? "", form.DefaultSystem))
            : throw new CheckpointFormatException(
                path,
                $"has a chat template that is not known (fingerprint {form.Fingerprint}); {Supported} are. "
                + "Write the prompt as the model's page says and give it as a plain prompt");
    }

    /// <summary>Writes a conversation as text, special tokens spelled out.</summary>
    /// <param name="messages">At least one message, with the roles system, user and assistant.</param>
    /// <param name="addGenerationPrompt">Whether the beginning of the assistant's next message is added.</param>
    /// <returns>A text to encode without adding special tokens: those that the model expects are in it.</returns>
    /// <exception cref="InterfuseException">The template does not allow these roles in this order.</exception>
    /// <remarks>What a message says is not escaped: one that spells a special token is read as that token.</remarks>
    public string Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt = true)
    {
        ArgumentNullException.ThrowIfNull(messages);
        if (messages.Count == 0)
        {
            throw new InterfuseException("a conversation needs one message at least, and this one has none");
        }

        foreach (ChatMessage message in messages)
        {
            if (message.Role is not ("system" or "user" or "assistant"))
            {
                throw new InterfuseException(
                    $"a message has the role '{message.Role}', and system, user and assistant are supported");
            }
        }

        return _format.Render(messages, _settings with { AddGenerationPrompt = addGenerationPrompt });
    }

    private static string? FromConfig(JsonElement root, TokenizerSettings settings)
    {
        if (TokenizerSettings.Optional(root, "chat_template") is not { ValueKind: JsonValueKind.Array } list)
        {
            return settings.OptionalText(root, "chat_template", "the file");
        }

        JsonElement named = list.EnumerateArray().FirstOrDefault(
            entry => settings.Text(entry, "name", "a chat template") == "default");
        return named.ValueKind == JsonValueKind.Undefined
            ? null
            : settings.Text(named, "template", "the chat template 'default'");
    }
}
