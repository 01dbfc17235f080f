/** Faults that no command line may have, for any input and any data in Redis. */
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import type { Result } from '../support/cli.js';

const DOCUMENTED_EXIT_CODES = new Set(EXIT_CODES.map(({ exit }) => exit));
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\p{Surrogate}]/u;
/** Invisible characters, and characters that reorder text. */
const DECEIVING = /[\u2028\u2029\u200b\u2060\ufeff\p{Bidi_Control}]/u;
const TRACE = /^\s+at .*:\d+:\d+\)?$|node:internal/m;
const BUG =
  /this is a bug|"INTERNAL"|Cannot (read|set|convert) |is not (a function|iterable|defined)|call stack|Invalid time/;
/** The format `name` prints ids unchanged, so that they can be piped; it may contain deceiving characters. */
const NAME_FORMAT = /(?:-o|--output)[ =]?name/;

/** The faults of a command's result; an empty list if there are none. */
export function faultsOf(argv: readonly string[], { exit, stdout, stderr }: Result): string[] {
  const found: string[] = [];
  if (!DOCUMENTED_EXIT_CODES.has(exit)) found.push(`exit ${exit}`);
  if (exit === 130) found.push('no end in time');
  if (BUG.test(stderr)) found.push('a bug');
  if (TRACE.test(stderr)) found.push('a stack trace');
  if (CONTROL.test(stdout)) found.push('a control character on stdout');
  if (CONTROL.test(stderr)) found.push('a control character on stderr');
  if (DECEIVING.test(stdout) && !NAME_FORMAT.test(argv.join(' ')))
    found.push('a deceiving character on stdout');
  if (DECEIVING.test(stderr)) found.push('a deceiving character on stderr');
  if (exit !== 0 && exit !== 4 && stderr === '') found.push('a failure without a message');
  return found.length === 0 ? [] : [`${found.join(', ')}: ${JSON.stringify(argv)}\n${stderr.slice(0, 500)}`];
}
