/** `devstate heartbeat ID…`: one beat, beats until stopped, or `-f FILE` with one a line. */

import { type ItemResult, unwrapOne } from '../../core/async/item-results.js';
import { validId } from '../../core/model/device.js';
import { DevstateError, type ErrorCode, usageError } from '../../core/model/errors.js';
import { toJson } from '../../core/model/json.js';
import { type Heartbeat, type HeartbeatResult, heartbeats } from '../../core/presence/heartbeats.js';
import type { Fleet } from '../../core/store/fleet.js';
import { isTransient } from '../../core/store/redis-errors.js';
import { type HeartbeatDefaults, parseHeartbeatLine } from '../../input/device-line.js';
import { parseCount, parseDuration, parseTtl } from '../../input/duration.js';
import { lineBatches } from '../../input/lines.js';
import type { View } from '../../output/view.js';
import { applyLines } from '../shared/apply-lines.js';
import { Batch, type Entry, idBatches, isSingle } from '../shared/batch.js';
import { command } from '../shared/command.js';
import { confirmedInBulk, YES } from '../shared/confirm.js';
import type { Context, Input } from '../shared/context.js';
import { pick } from '../shared/device-view.js';
import { everyBeat, Outage } from '../shared/every.js';
import { readDocument } from '../shared/read-document.js';

interface Options {
  report?: string[];
  merge?: boolean;
  ttl?: number;
  register?: boolean;
  type?: string;
  every?: number;
  count?: number;
  file?: string;
  failFast?: boolean;
  yes?: boolean;
}

const fields = ['deviceId', 'status', 'wasOffline', 'lastSeen', 'expiresAt', 'desiredVersion'] as const;
const HEARTBEAT: View<HeartbeatResult> = {
  fields,
  json: (row) => pick(row, fields),
  name: ({ deviceId }) => deviceId,
  columns: [],
  line: ({ deviceId, wasOffline, expiresAt }, times) =>
    `${deviceId} online, ${wasOffline ? 'was offline, ' : ''}expires ${times.until(expiresAt)}`,
};

export const heartbeat = command<Options>({
  name: 'heartbeat',
  group: 'Devices',
  summary: 'Send a heartbeat for devices, once or until stopped',
  writes: true,
  arguments: [{ name: 'id', summary: 'device ids; - reads them from standard input', variadic: true }],
  options: [
    {
      flags: '--report <document>',
      summary: 'reported state: KEY=VALUE, {…}, @FILE or -; replaces it',
      repeat: true,
    },
    { flags: '--merge', summary: 'merge the report into what is there (RFC 7396)' },
    { flags: '--ttl <duration>', summary: 'how long this beat holds', parse: parseTtl },
    { flags: '--register', summary: 'register unknown devices on the fly, as of --type' },
    { flags: '--type <type>', summary: 'device type for --register' },
    { flags: '--every <duration>', summary: 'keep beating until stopped', parse: parseEvery },
    { flags: '--count <n>', summary: 'with --every: stop after so many', parse: parseCount },
    { flags: '-f, --file <path>', summary: 'heartbeats as NDJSON, one a line; - is standard input' },
    { flags: '--fail-fast', summary: 'with -f: begin nothing after a line that fails' },
    YES,
  ],
  examples: [
    'devstate heartbeat sensor-001 --report temperature=23.5 --report humidity=45',
    'devstate heartbeat sensor-001 --every 10s',
    'devstate heartbeat new-7 --register --type meter --ttl 5m',
  ],
  async run(context, ids, options) {
    context.print.check(HEARTBEAT);
    check(ids, options);
    const { file, merge = false, ttl, failFast = false, yes } = options;
    const registerAs = options.register ? options.type : undefined;
    const given = { ...(ttl !== undefined && { ttl }), ...(registerAs !== undefined && { registerAs }) };
    if (file !== undefined) {
      return applyLines(context, {
        ...{ file, failFast, yes, doing: 'Beat for', view: HEARTBEAT },
        read: (input) => lineEntries(context, input, { merge, ttl }),
        apply: (fleet, beats) =>
          heartbeats(
            fleet,
            beats.map((beat) => ({ ...given, ...beat })),
          ),
      });
    }
    if (isSingle(ids)) validId(ids[0]);
    if (!(await confirmedInBulk(context, { yes, ids }, 'Beat for'))) return 'CONDITION';
    const document = options.report && (await readDocument(context, options.report));
    const report = document && (merge ? { patch: document } : { reportedJson: toJson(document) });
    const beatAll = (fleet: Fleet, all: readonly string[]) =>
      heartbeats(
        fleet,
        all.map((id) => ({ id, ...report, ...given })),
      );
    if (options.every !== undefined) return keepBeating(context, ids, options.every, options.count, beatAll);
    const fleet = await context.fleet();
    if (isSingle(ids)) return context.print.one(HEARTBEAT, unwrapOne(await beatAll(fleet, ids)));
    const batch = new Batch(context);
    const results = batch.each(idBatches(context, ids), (all) => beatAll(fleet, all));
    await context.print.list(HEARTBEAT, results);
    return batch.code;
  },
});

async function* lineEntries(
  { notice }: Context,
  input: Input,
  defaults: HeartbeatDefaults,
): AsyncGenerator<Entry<Heartbeat>[]> {
  for await (const lines of lineBatches(input)) {
    yield lines.map(({ number, read }) => ({
      line: number,
      read: () => parseHeartbeatLine(read(), defaults, (message) => notice(`line ${number}: ${message}`)),
    }));
  }
}

type BeatAll = (fleet: Fleet, ids: readonly string[]) => Promise<ItemResult<HeartbeatResult>[]>;

/** A device that fails is told of once and beats no more; without any left it ends. */
async function keepBeating(
  context: Context,
  ids: readonly string[],
  every: number,
  count: number | undefined,
  beatAll: BeatAll,
): Promise<ErrorCode | undefined> {
  const outage = new Outage(context);
  const fleet = await context.fleet({ persistent: true, onLost: () => outage.begin('connection lost') });
  fleet.refuseReadOnly('heartbeat');
  const batch = new Batch(context);
  let beating: string[] = [];
  for await (const entries of idBatches(context, ids)) {
    for (const { read } of entries) {
      try {
        beating.push(validId(read()));
      } catch (error) {
        batch.fail(error);
      }
    }
  }
  async function* round(): AsyncGenerator<HeartbeatResult> {
    const results = await beatAll(fleet, beating);
    beating = beating.filter((_, i) => !(results[i] instanceof DevstateError) || isTransient(results[i]));
    for (const result of results) {
      if (result instanceof DevstateError) {
        if (!isTransient(result)) batch.fail(result);
      } else {
        batch.done += 1;
        yield result;
      }
    }
    const refused = results.find(isTransient);
    if (refused) throw refused;
  }
  const goesOn = () => beating.length > 0;
  await context.print.stream(HEARTBEAT, everyBeat(context, { every, count, goesOn }, round, outage));
  return batch.code;
}

function check(
  ids: readonly string[],
  { report, register, type, every, count, file, failFast }: Options,
): void {
  if (failFast && file === undefined) throw usageError('--fail-fast goes with -f');
  if (file !== undefined) {
    if (ids.length > 0 || report || every !== undefined)
      throw usageError('-f goes with neither IDs, --report nor --every');
  } else if (ids.length === 0) {
    throw usageError('an ID is due, or -f FILE', 'devstate heartbeat ID');
  }
  if (ids.includes('-') && report?.includes('-'))
    throw usageError(
      'standard input cannot be both the ids and the report',
      'put the report in a file: @FILE',
    );
  if (register && type === undefined) throw usageError('--register needs --type');
  if (type !== undefined && !register) throw usageError('--type goes with --register');
  if (count !== undefined && every === undefined) throw usageError('--count goes with --every');
  const stray = report && ids.slice(1).find((id) => /^[^=]+=/.test(id));
  if (stray !== undefined)
    throw usageError(`${JSON.stringify(stray)} is no device id here`, `did you mean --report ${stray}?`);
}

function parseEvery(text: string): number {
  const ms = parseDuration(text);
  if (ms < 1) throw usageError('the interval is at least 1ms');
  return ms;
}
