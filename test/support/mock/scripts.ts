/** Runs Lua scripts on ioredis-mock; prelude.lua lists where Redis differs from it. */
import { createHash } from 'node:crypto';
import { ReplyError } from 'ioredis/built/index.js';
import prelude from './prelude.lua';
import { TYPE_OF_COMMAND } from './value-types.js';

type Evaluate = (...args: unknown[]) => Promise<unknown>;

type Outcome = number | string | null | Outcome[] | { error: string };

export function scriptHash(source: string): string {
  return createHash('sha1').update(source).digest('hex');
}

/** @param rest number of keys, keys, arguments */
export async function runScript(
  evaluate: Evaluate,
  source: string,
  rest: readonly unknown[],
): Promise<unknown> {
  const code = withoutComments(`${header()}${prelude}\nreturn outcomeOf(function()\n${source}\nend)`);
  const script = `-- script\n${code}`;
  const outcome: Outcome = JSON.parse((await evaluate(script, ...rest)) as string);
  if (outcome !== null && typeof outcome === 'object' && 'error' in outcome)
    throw new ReplyError(withoutPosition(outcome.error));
  return outcome;
}

/** The time as TIME gives it: seconds, and microseconds of the second. */
export function serverTime(now = Date.now()): [seconds: string, microseconds: string] {
  return [String(Math.floor(now / 1000)), String((now % 1000) * 1000)];
}

function header(): string {
  const now = Date.now();
  const [seconds, microseconds] = serverTime(now);
  const types = [...TYPE_OF_COMMAND].map(([name, type]) => `${name.toUpperCase()} = '${type}'`);
  return [
    // With a fraction the seconds are a float: as an integer of 32 bits, their milliseconds would overflow.
    `local NOW = {seconds = '${seconds}.0', microseconds = '${microseconds}', milliseconds = ${now}}\n`,
    `local TYPES = {${types.join(', ')}}\n`,
  ].join('');
}

/** Removes the comments of a script, because parsing them takes as long as running the script. */
function withoutComments(code: string): string {
  return code.replace(/^ *--.*$/gm, '');
}

/** Removes the line number, which counts the lines of the prelude too. */
function withoutPosition(message: string): string {
  return message.replace(/\[string "-- script\.*"\]:\d+: ?/g, '');
}
