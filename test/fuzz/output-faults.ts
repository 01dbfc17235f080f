/** What no command line may do, whatever it is given and whatever Redis holds. */
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import type { Result } from '../support/cli.js';

const EXITS = new Set(EXIT_CODES.map(({ exit }) => exit));
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\p{Surrogate}]/u;
/** What shows a text as another one. */
const DECEIVING = /[\u2028\u2029\u200b\u2060\ufeff\p{Bidi_Control}]/u;
const TRACE = /^\s+at .*:\d+:\d+\)?$|node:internal/m;
const BUG =
  /this is a bug|"INTERNAL"|Cannot (read|set|convert) |is not (a function|iterable|defined)|call stack|Invalid time/;
/** Ids as they are, for devstate to take them back; they may hold what deceives. */
const NAMES = /(?:-o|--output)[ =]?name/;

/** What is wrong with how a command line ended; nothing: `[]`. */
export function faults(argv: readonly string[], { exit, stdout, stderr }: Result): string[] {
  const found: string[] = [];
  if (!EXITS.has(exit)) found.push(`exit ${exit}`);
  if (exit === 130) found.push('no end');
  if (BUG.test(stderr)) found.push('a bug');
  if (TRACE.test(stderr)) found.push('a stack trace');
  if (CONTROL.test(stdout)) found.push('a control character on stdout');
  if (CONTROL.test(stderr)) found.push('a control character on stderr');
  if (DECEIVING.test(stdout) && !NAMES.test(argv.join(' '))) found.push('a deceiving character on stdout');
  if (DECEIVING.test(stderr)) found.push('a deceiving character on stderr');
  if (exit !== 0 && exit !== 4 && stderr === '') found.push('a failure without a word');
  return found.length === 0 ? [] : [`${found.join(', ')}: ${JSON.stringify(argv)}\n${stderr.slice(0, 500)}`];
}
