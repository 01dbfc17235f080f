/** The options that every command takes, before or after its name. No command reuses one of these names. */
import { parseDuration } from '../../input/duration.js';
import { FORMATS, type Format } from '../../output/view.js';
import type { Option } from './declaration.js';
import { LONGEST_TIMER_MS } from './timer.js';

export interface Globals {
  url?: string;
  context?: string;
  ca?: string;
  cert?: string;
  key?: string;
  insecure?: boolean;
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
    summary:
      'Redis: redis://[user@]host[:port][/db], rediss://…, unix:///path[?db=N], redis-sentinel://h1,h2#master, redis-cluster://h1,h2',
  },
  { flags: '--context <name>', summary: 'the server of that name, see devstate context' },
  { flags: '--ca <path>', summary: 'TLS: whom to trust, instead of the authorities of the system (PEM)' },
  { flags: '--cert <path>', summary: "TLS: the client's certificate (PEM)" },
  { flags: '--key <path>', summary: 'TLS: the key of --cert (PEM)' },
  { flags: '--insecure', summary: 'TLS: trust whoever answers' },
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

/** Those that name a server, as they were given; none where none is named. */
export function serverOptions({ url, context, ca, cert, key, insecure }: Globals): string[] {
  if (url === undefined && context === undefined) return [];
  const values = Object.entries({ url, context, ca, cert, key });
  return [
    ...values.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value])),
    ...(insecure ? ['--insecure'] : []),
  ];
}

function parseTimeout(text: string): number {
  return Math.min(Math.max(1, parseDuration(text)), LONGEST_TIMER_MS);
}
