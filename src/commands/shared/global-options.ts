/**
 * The options that every command takes, before or after its name. No command may declare an option of the same
 * name.
 */
import { usageError } from '../../core/model/errors.js';
import { MAX_TIMER_MS } from '../../core/model/numeric-options.js';
import { MAX_HISTORY_CAP, MAX_PARTITIONS } from '../../core/store/settings.js';
import { parseCount, parseDuration } from '../../input/duration.js';
import { FORMATS, type Format } from '../../output/view.js';
import type { Option } from './declaration.js';

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
  role?: 'device';
  fleetPartitions?: number;
  fleetHistory?: number;
}

export const globals: readonly Option[] = [
  {
    flags: '-u, --url <url>',
    summary:
      'Redis: redis://[user@]host[:port][/db], rediss://…, unix:///path[?db=N], redis-sentinel://h1,h2#master, redis-cluster://h1,h2',
  },
  { flags: '--context <name>', summary: 'use this named server (devstate context)' },
  {
    flags: '--ca <path>',
    summary: 'TLS: certificate authorities to trust instead of those of Node and of the system (PEM)',
  },
  { flags: '--cert <path>', summary: 'TLS: client certificate (PEM)' },
  { flags: '--key <path>', summary: 'TLS: private key of --cert (PEM)' },
  { flags: '--insecure', summary: 'TLS: do not verify the certificate of the server' },
  { flags: '-n, --namespace <name>', summary: 'prefix every key and channel with NAME:' },
  {
    flags: '--dialect <dialect>',
    summary: 'field names and time units of new records, if the fleet has declared none',
    values: ['node', 'python'],
  },
  { flags: '-o, --output <format>', summary: 'output format', values: FORMATS },
  { flags: '--json', summary: 'same as -o json' },
  { flags: '--fields <list>', summary: 'print only these fields: a,b.c' },
  { flags: '--no-headers', summary: 'omit the header of tables' },
  {
    flags: '--color <when>',
    summary: 'when to use colours; overrides NO_COLOR',
    values: ['auto', 'always', 'never'],
  },
  { flags: '-q, --quiet', summary: 'print no notices, hints or progress' },
  { flags: '-v, --verbose', summary: 'print more notices; twice: also stack traces', repeat: true },
  { flags: '--read-only', summary: 'refuse every write' },
  {
    flags: '--request-timeout <duration>',
    summary: 'timeout for connecting and for each Redis command (default 5s)',
    parse: parseTimeout,
  },
  {
    flags: '--role <role>',
    summary: 'device: the user is a device with a login of its own (devstate acl device)',
    values: ['device'],
  },
  {
    flags: '--fleet-partitions <n>',
    summary: 'with --role device: the partitions of the fleet (default 1)',
    parse: parsePartitions,
  },
  {
    flags: '--fleet-history <n>',
    summary: 'with --role device: how many reports the history keeps (0: none)',
    parse: parseHistoryCap,
  },
];

/** Returns the options that name a server as command line arguments; none if neither --url nor --context is given. */
export function serverOptions({ url, context, ca, cert, key, insecure }: Globals): string[] {
  if (url === undefined && context === undefined) return [];
  const values = Object.entries({ url, context, ca, cert, key });
  return [
    ...values.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value])),
    ...(insecure ? ['--insecure'] : []),
  ];
}

/** Parses a number of partitions. @throws DevstateError USAGE: not a number from 1 to MAX_PARTITIONS */
export function parsePartitions(text: string): number {
  const count = parseCount(text);
  if (count > MAX_PARTITIONS) throw usageError(`too many partitions: ${count}`, `at most ${MAX_PARTITIONS}`);
  return count;
}

/** Parses how many entries a history or a log keeps. @throws DevstateError USAGE: not a whole number from 0 to `max` */
export function parseCap(text: string, max: number): number {
  const cap = text === '0' ? 0 : parseCount(text);
  if (cap > max) throw usageError(`too many entries: ${cap}`, `at most ${max}`);
  return cap;
}

/** Parses how many entries a history keeps. @throws as `parseCap` */
export function parseHistoryCap(text: string): number {
  return parseCap(text, MAX_HISTORY_CAP);
}

function parseTimeout(text: string): number {
  return Math.min(Math.max(1, parseDuration(text)), MAX_TIMER_MS);
}
