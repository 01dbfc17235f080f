/** The options that every command takes, before or after its name. No command reuses one of these names. */
import { parseDuration } from '../input/duration.js';
import { FORMATS, type Format } from '../output/view.js';
import type { Option } from './command.js';
import { LONGEST_TIMER_MS } from './timer.js';

export interface Globals {
  url?: string;
  namespace?: string;
  dialect?: 'node' | 'python';
  output?: Format;
  json?: boolean;
  fields?: string;
  headers: boolean;
  color?: 'auto' | 'always' | 'never';
  quiet?: boolean;
  verbose?: number;
  readOnly?: boolean;
  requestTimeout?: number;
}

export const globals: readonly Option[] = [
  {
    flags: '-u, --url <url>',
    summary: 'Redis: redis://[user@]host[:port][/db], rediss://…, unix:///path[?db=N]',
  },
  { flags: '-n, --namespace <name>', summary: 'put NAME: before every key and channel' },
  {
    flags: '--dialect <dialect>',
    summary: 'field names and time units of new records, where the fleet has none',
    values: ['node', 'python'],
  },
  { flags: '-o, --output <format>', summary: 'how to print', values: FORMATS },
  { flags: '--json', summary: 'the same as -o json' },
  { flags: '--fields <list>', summary: 'print these fields: a,b.c' },
  { flags: '--no-headers', summary: 'tables without their header' },
  { flags: '--color <when>', summary: 'colours; beats NO_COLOR', values: ['auto', 'always', 'never'] },
  { flags: '-q, --quiet', summary: 'no notices, hints or progress' },
  { flags: '-v, --verbose', summary: 'say more of what goes on; twice: stack traces', repeat: true },
  { flags: '--read-only', summary: 'refuse every write' },
  {
    flags: '--request-timeout <duration>',
    summary: 'for connecting and for each command (default 5s)',
    parse: parseTimeout,
  },
];

function parseTimeout(text: string): number {
  return Math.min(Math.max(1, parseDuration(text)), LONGEST_TIMER_MS);
}
