/** Programs at a terminal of their own (node-pty), and what a person sees there. */
import { spawn } from '@lydell/node-pty';
import { until } from '../support/fleet.js';

export interface AtTerminal {
  /** All bytes that the program has written, escape sequences included. */
  readonly output: string;
  /** Resolves once the output contains the text. Rejects if the program ends without it. */
  shows(text: string): Promise<void>;
  type(text: string): void;
  /** Resolves to the exit code. */
  readonly ended: Promise<number>;
}

export function atTerminal(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): AtTerminal {
  const { PATH } = process.env;
  const terminal = spawn(file, [...args], {
    cols: 80,
    rows: 24,
    env: { PATH, TERM: 'xterm-256color', ...env },
  });
  let output = '';
  let hasEnded = false;
  terminal.onData((text) => {
    output += text;
  });
  const ended = new Promise<number>((resolve) => {
    terminal.onExit(({ exitCode }) => {
      hasEnded = true;
      resolve(exitCode);
    });
  });
  return {
    get output() {
      return output;
    },
    async shows(text) {
      await until(() => output.includes(text) || hasEnded);
      if (!output.includes(text)) throw new Error(`ended without ${JSON.stringify(text)}: ${output}`);
    },
    type: (text) => terminal.write(text),
    ended,
  };
}

const TOKEN = /\u001b\[(\??[\d;]*)([A-Za-z])|[^\u001b]/gsu;

/** The lines on the screen after this output: what was erased or overwritten is gone, colours and trailing blanks are left out. */
export function screenOf(output: string): string[] {
  const lines: string[][] = [[]];
  let row = 0;
  let column = 0;
  for (const [token, parameter, command] of output.matchAll(TOKEN)) {
    const line = lines[row] ?? [];
    lines[row] = line;
    if (command === 'G') column = Number(parameter || 1) - 1;
    else if (command === 'A') row = Math.max(0, row - Number(parameter || 1));
    else if (command === 'K') line.splice(parameter === '2' ? 0 : column);
    else if (token === '\r') column = 0;
    else if (token === '\n') row += 1;
    else if (command === undefined) {
      while (line.length < column) line.push(' ');
      line[column] = token;
      column += 1;
    }
  }
  return lines
    .map((line) => line.join('').trimEnd())
    .join('\n')
    .trimEnd()
    .split('\n');
}
