/** Runs and prints the command lines of the demo, and fails if their output is not as expected. */
import { DevstateError } from '../../../core/model/errors.js';
import type { View } from '../../../output/view.js';
import type { Context } from '../../shared/context.js';

const LINE: View<string> = {
  fields: ['line'],
  json: (line) => ({ line }),
  name: (line) => line,
  columns: [],
  line: (line) => line,
};

const EVENT_TIMEOUT_MS = 10_000;
/** While the demo waits for events: how often it checks whether EVENT_TIMEOUT_MS has passed, ms. */
const EVENT_CHECK_MS = 200;

export class DemoRunner {
  readonly #context: Context;
  readonly #connection: readonly string[];
  /** The events that `watch-presence` has printed so far, such as `sensor-001 online`. */
  readonly #events: string[] = [];
  #onEvent = () => {};

  /**
   * Makes a runner that connects to nothing itself: only the command lines that it runs do.
   * @param connection the options added to every command line: the server, and the demo's namespace
   */
  constructor(context: Context, connection: readonly string[]) {
    this.#context = context;
    this.#connection = connection;
  }

  print(line: string): Promise<void> {
    return this.#context.print.one(LINE, line);
  }

  /** Prints a sentence of the story. */
  async explain(text: string): Promise<void> {
    await this.print('');
    await this.print(text);
  }

  /**
   * Prints and runs a command line, and prints its output.
   * @param expected texts that the output must contain
   * @throws DevstateError INTERNAL: the command line fails, or its output lacks one of the texts; CONNECTION: the demo
   * was stopped
   */
  async run(argv: readonly string[], ...expected: string[]): Promise<void> {
    await this.print(`$ devstate ${argv.join(' ')}`);
    let output = '';
    const append = (text: string) => {
      output += text;
    };
    const exit = await this.#context.run([...argv, ...this.#connection], { stdout: append, stderr: append });
    this.#assertNotStopped(); // a command line that was stopped has not failed
    for (const line of output.trimEnd().split('\n')) await this.print(`  ${line}`);
    const missing = expected.find((text) => !output.includes(text));
    if (exit !== 0) throw demoError(`devstate ${argv[0]} exited with ${exit}`);
    if (missing !== undefined)
      throw demoError(`the output of devstate ${argv[0]} lacks ${JSON.stringify(missing)}`);
  }

  /**
   * Starts `watch-presence --detect`, and prints its lines behind `>`. Resolves when it is watching; `done`
   * resolves to its exit code after `signal` has been aborted.
   */
  async watchPresence(signal: AbortSignal): Promise<{ done: Promise<number> }> {
    await this.print('$ devstate watch-presence --detect');
    let setReady = () => {};
    const ready = new Promise<void>((resolve) => {
      setReady = resolve;
    });
    const printEvents = async (text: string) => {
      for (const line of text.trimEnd().split('\n')) {
        const [, device, , status] = line.split(/ {2,}/);
        this.#events.push(`${device} ${status}`);
        await this.print(`> ${line}`);
      }
      this.#onEvent();
    };
    const done = this.#context.run(
      ['watch-presence', '--detect', '--no-headers', ...this.#connection],
      { stdout: (text) => void printEvents(text), stderr: () => setReady() },
      signal,
    );
    await Promise.race([ready, done]);
    return { done };
  }

  /**
   * Waits until `watch-presence` has printed all of the events.
   * @throws DevstateError INTERNAL after 10 s; CONNECTION: the demo was stopped
   */
  async waitForEvents(...events: string[]): Promise<void> {
    const deadline = performance.now() + EVENT_TIMEOUT_MS;
    while (!events.every((event) => this.#events.includes(event))) {
      this.#assertNotStopped();
      if (performance.now() > deadline) throw demoError(`watch-presence did not print ${events.join(', ')}`);
      await new Promise<void>((resolve) => {
        this.#onEvent = resolve;
        setTimeout(resolve, EVENT_CHECK_MS);
      });
    }
  }

  /** @throws DevstateError CONNECTION: the demo was interrupted, or nobody reads its output */
  #assertNotStopped(): void {
    if (this.#context.signal.aborted) throw new DevstateError('CONNECTION', 'the demo was stopped');
  }
}

function demoError(problem: string): DevstateError {
  return new DevstateError('INTERNAL', `the demo failed: ${problem}`);
}
