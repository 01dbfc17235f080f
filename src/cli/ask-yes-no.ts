/** Asks a question on stderr and reads the answer from stdin. */
import { once } from 'node:events';
import { escapeText } from '../output/escape.js';
import type { Streams } from './invocation.js';

/**
 * Asks a question and returns whether the answer is y or yes. False: another answer, the end of stdin (Ctrl-D), or
 * `signal` was aborted.
 */
export async function askYesNo(question: string, streams: Streams, signal: AbortSignal): Promise<boolean> {
  const { createInterface } = await import('node:readline/promises');
  // `terminal: false`, because readline would otherwise take Ctrl-C as a key, and SIGINT would not arrive.
  const lines = createInterface({ input: streams.stdin, output: streams.stderr, terminal: false });
  const closed = once(lines, 'close').then(() => '\n');
  try {
    const answer = await Promise.race([lines.question(`${escapeText(question)} [y/N] `, { signal }), closed]);
    if (answer === '\n') streams.stderr.write(answer);
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  } finally {
    lines.close();
  }
}
