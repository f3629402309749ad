// What a user of OpenAI's library does, against a server of ours. Prints what it saw as one JSON document.
// node client.mjs ADDRESS KEY
import OpenAI from 'openai';

const [address, key] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${address}/v1`, apiKey: key, maxRetries: 0 });
const messages = [{ role: 'user', content: 'add 58+67=' }];
const short = { temperature: 0, max_tokens: 8 };
const seen = {};

seen.models = (await client.models.list()).data.map(model => model.id);
seen.model = (await client.models.retrieve('tiny/add')).id;

seen.completion = await client.completions.create({ model: 'tiny/add', prompt: 'add 58+67=', logprobs: 1, ...short });
seen.routed = await client.completions.create({ model: 'auto', prompt: 'sort planet=', ...short });
seen.stopped = await client.completions.create({ model: 'sort', prompt: 'sort planet=', stop: ['n'], ...short });
seen.seeded = [];
for (let i = 0; i < 2; i++) {
  const drawn = await client.completions.create({ model: 'tiny/shared', prompt: 'river', temperature: 2, seed: 7, max_tokens: 12 });
  seen.seeded.push(drawn.choices[0].text);
}

seen.chat = await client.chat.completions.create({ model: 'tiny/add', messages, logprobs: true, top_logprobs: 2, ...short });
seen.header = (await client.chat.completions.create({ model: 'tiny/add', messages, ...short }).withResponse())
  .response.headers.get('x-interfuse-expert');

seen.streamedText = '';
for await (const piece of await client.completions.create({ model: 'sort', prompt: 'sort planet=', stream: true, ...short })) {
  seen.streamedText += piece.choices[0].text;
}

seen.streamedChat = '';
for await (const chunk of await client.chat.completions.create({
  model: 'tiny/add', messages, stream: true, stream_options: { include_usage: true }, ...short,
})) {
  seen.streamedChat += chunk.choices[0]?.delta?.content ?? '';
  seen.streamedReason = chunk.choices[0]?.finish_reason ?? seen.streamedReason;
  seen.streamedUsage = chunk.usage ?? seen.streamedUsage;
}

const helper = client.chat.completions.stream({ model: 'tiny/add', messages, ...short });
seen.helped = (await helper.finalChatCompletion()).choices[0].message.content;

seen.errors = [];
const fail = async call => {
  try {
    await call();
    seen.errors.push(null);
  } catch (error) {
    const { status, code, param } = error;
    seen.errors.push({ kind: error.constructor.name, status, code, param, hasRequestId: Boolean(error.requestID) });
  }
};
await fail(() => client.completions.create({ model: 'tiny/none', prompt: 'x' }));
await fail(() => client.completions.create({ model: 'tiny/add', prompt: 'x', n: 3 }));
await fail(() => client.completions.create({ model: 'tiny/add', prompt: 'x'.repeat(500) }));
await fail(() => new OpenAI({ baseURL: `${address}/v1`, apiKey: 'wrong', maxRetries: 0 }).models.list());

process.stdout.write(JSON.stringify(seen));
