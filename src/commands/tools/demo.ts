/**
 * `devstate demo`: the whole story in a few seconds, told by the commands themselves: each
 * step runs the command line that it shows and checks what came of it.
 */
import { DevstateError, usageError } from '../../core/model/errors.js';
import { eraseNamespace } from '../../core/registry/register.js';
import type { View } from '../../output/view.js';
import { command } from '../shared/command.js';
import type { Context } from '../shared/context.js';

const LINE: View<string> = {
  fields: ['line'],
  json: (line) => ({ line }),
  name: (line) => line,
  columns: [],
  line: (line) => line,
};

/** How long the devices that fall silent are heard of. */
const SILENCE = '2s';
const PATIENCE_MS = 10_000;

export const demo = command({
  name: 'demo',
  group: 'Tools',
  summary: 'Show the whole story on a server of its own, in a few seconds',
  arguments: [],
  options: [],
  examples: ['devstate demo', 'devstate demo --url redis://127.0.0.1:6379'],
  async run(context) {
    const server = context.serverOptions.length === 0 ? await context.startServer() : undefined;
    const namespace = `devstate-demo-${Math.random().toString(36).slice(2, 10)}`;
    const where = server ? ['--url', server.url] : context.serverOptions;
    const connection = [...where, '--namespace', namespace];
    try {
      const fleet = await context.fleetAt(server?.url, namespace);
      if (fleet.options.readOnly) throw usageError('the demo writes', 'leave out --read-only');
      try {
        await new Story(context, connection).tell();
      } finally {
        await eraseNamespace(fleet);
      }
    } finally {
      await server?.stop();
    }
  },
});

class Story {
  readonly #context: Context;
  readonly #connection: readonly string[];
  /** What the presence feed has shown so far. */
  readonly #seen: string[] = [];
  #heard = () => {};

  constructor(context: Context, connection: readonly string[]) {
    this.#context = context;
    this.#connection = connection;
  }

  async tell(): Promise<void> {
    const end = new AbortController();
    await this.#say('Three devices register.');
    await this.#type(
      ['register', 'sensor-001', '--type', 'sensor', '--meta', 'location=warehouse-a'],
      'registered',
    );
    await this.#type(
      ['register', 'sensor-002', '--type', 'sensor', '--meta', 'location=warehouse-b'],
      'registered',
    );
    await this.#type(['register', 'gateway-7', '--type', 'gateway'], 'registered');

    await this.#say(
      'Somebody watches who comes and goes, and detects who falls silent; its lines are marked >.',
    );
    const watching = await this.#watch(end.signal);
    try {
      await this.#say('They send heartbeats; two of them are held alive for two seconds only.');
      await this.#type(
        ['heartbeat', 'sensor-001', '--report', 'temperature=23.5', '--report', 'interval=60'],
        'was offline',
      );
      await this.#type(['heartbeat', 'sensor-002', 'gateway-7', '--ttl', SILENCE], 'was offline');
      await this.#saw('sensor-001 online', 'sensor-002 online', 'gateway-7 online');
      await this.#type(['list-online'], 'sensor-001', 'sensor-002', 'gateway-7');

      await this.#say(
        'One should report more often: that is its desired state, and the delta says what is missing.',
      );
      await this.#type(['set-desired', 'sensor-001', 'interval=30'], 'desired version 1');
      await this.#type(['delta', 'sensor-001'], 'interval   30        60');
      await this.#say('The device applies it and says so: no delta is left.');
      await this.#type(['heartbeat', 'sensor-001', '--merge', '--report', 'interval=30'], 'online');
      await this.#type(['delta', 'sensor-001'], 'in sync');

      await this.#say('The other two fall silent, and are found offline when their time is up.');
      await this.#saw('sensor-002 offline', 'gateway-7 offline');
      await this.#type(['heartbeat', 'sensor-001'], 'online');
      await this.#type(['list-online'], 'sensor-001');
      await this.#type(['stale', '--older-than', '1s'], 'sensor-002', 'gateway-7');
    } finally {
      end.abort();
      await watching.done;
    }
    await this.#say('Now yours. With a redis-server running, type:');
    for (const line of [
      'devstate register my-device --type sensor',
      'devstate heartbeat my-device --every 10s',
      'devstate get my-device',
      'devstate --help',
    ]) {
      await this.#print(`  ${line}`);
    }
  }

  async #say(text: string): Promise<void> {
    if (this.#context.signal.aborted) throw new DevstateError('CONNECTION', 'the demo was ended');
    await this.#print('');
    await this.#print(text);
  }

  /** Shows a command line, runs it, and holds it to what it should print. */
  async #type(argv: readonly string[], ...expected: string[]): Promise<void> {
    await this.#print(`$ devstate ${argv.join(' ')}`);
    let output = '';
    const gather = (text: string) => {
      output += text;
    };
    const exit = await this.#context.run([...argv, ...this.#connection], { stdout: gather, stderr: gather });
    for (const line of output.trimEnd().split('\n')) await this.#print(`  ${line}`);
    const missing = expected.find((text) => !output.includes(text));
    if (exit !== 0) throw failed(`devstate ${argv[0]} exited with ${exit}`);
    if (missing !== undefined) throw failed(`devstate ${argv[0]} did not say ${JSON.stringify(missing)}`);
  }

  async #watch(signal: AbortSignal): Promise<{ done: Promise<number> }> {
    await this.#print('$ devstate watch-presence --detect');
    let ready = () => {};
    const subscribed = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const hear = async (text: string) => {
      for (const line of text.trimEnd().split('\n')) {
        const [, device, , status] = line.split(/ {2,}/);
        this.#seen.push(`${device} ${status}`);
        await this.#print(`> ${line}`);
      }
      this.#heard();
    };
    const done = this.#context.run(
      ['watch-presence', '--detect', '--no-headers', ...this.#connection],
      { stdout: (text) => void hear(text), stderr: () => ready() },
      signal,
    );
    await Promise.race([subscribed, done]);
    return { done };
  }

  /** Waits until the feed has shown all of these. */
  async #saw(...events: string[]): Promise<void> {
    const end = Date.now() + PATIENCE_MS;
    while (!events.every((event) => this.#seen.includes(event))) {
      if (Date.now() > end) throw failed(`the presence feed did not show ${events.join(', ')}`);
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
        setTimeout(resolve, 200);
      });
    }
  }

  #print(line: string): Promise<void> {
    return this.#context.print.one(LINE, line);
  }
}

function failed(what: string): DevstateError {
  return new DevstateError('INTERNAL', `the demo did not go as told: ${what}`);
}
