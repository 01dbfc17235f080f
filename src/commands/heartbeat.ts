/** `devstate heartbeat ID…`: one beat, beats until stopped, or `-f FILE` with one a line. */
import { validId } from '../core/device.js';
import { usage } from '../core/errors.js';
import type { Fleet } from '../core/fleet.js';
import { heartbeat as beatOnce, type HeartbeatResult } from '../core/heartbeats.js';
import { type JsonObject, parseJsonObject, toJson } from '../core/json.js';
import { parseHeartbeatLine } from '../input/device-line.js';
import { parseCount, parseDuration, parseTtl } from '../input/duration.js';
import type { View } from '../output/view.js';
import { applyLines } from './apply-lines.js';
import { Batch, eachId, isSingle } from './batch.js';
import { type Context, command } from './command.js';
import { pick } from './device-view.js';
import { readDocument } from './document.js';
import { everyBeat, Outage } from './every.js';

interface Options {
  report?: string[];
  merge?: boolean;
  ttl?: number;
  register?: boolean;
  type?: string;
  every?: number;
  count?: number;
  file?: string;
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
  ],
  examples: [
    'devstate heartbeat sensor-001 --report temperature=23.5 --report humidity=45',
    'devstate heartbeat sensor-001 --every 10s',
    'devstate heartbeat new-7 --register --type meter --ttl 5m',
  ],
  async run(context, ids, options) {
    context.print.check(HEARTBEAT);
    check(ids, options);
    const { file, merge, ttl } = options;
    if (file !== undefined) {
      return applyLines(
        context,
        file,
        HEARTBEAT,
        (text, notice) => parseHeartbeatLine(text, { merge, ttl }, notice),
        (fleet, line) =>
          beat(fleet, line.deviceId, options, {
            json: line.reportedJson,
            merge: line.merge,
            ttl: line.heartbeatTtl,
          }),
      );
    }
    const document = options.report && (await readDocument(context, options.report));
    const report = { json: document && toJson(document), merge: merge ?? false, ttl };
    if (options.every !== undefined) return keepBeating(context, ids, options, report);
    const fleet = await context.fleet();
    if (isSingle(ids))
      return context.print.one(HEARTBEAT, await beat(fleet, ids[0] as string, options, report));
    const batch = new Batch(context);
    await context.print.list(
      HEARTBEAT,
      batch.map(eachId(context, ids), (id) => beat(fleet, id, options, report)),
    );
    return batch.code;
  },
});

interface Report {
  json: string | undefined;
  merge: boolean;
  ttl: number | undefined;
}

function beat(
  fleet: Fleet,
  id: string,
  { register, type }: Options,
  { json, merge, ttl }: Report,
): Promise<HeartbeatResult> {
  const patch: JsonObject | undefined = json !== undefined && merge ? parseJsonObject(json) : undefined;
  return beatOnce(
    fleet,
    { id, ...(json !== undefined && !patch && { reportedJson: json }), ...(ttl !== undefined && { ttl }) },
    { ...(patch && { patch }), ...(register && type !== undefined && { registerAs: type }) },
  );
}

async function keepBeating(context: Context, ids: readonly string[], options: Options, report: Report) {
  const every = options.every as number;
  const outage = new Outage(context);
  const fleet = await context.fleet({ persistent: true, onLost: () => outage.begin('connection lost') });
  const all: string[] = [];
  for await (const id of eachId(context, ids)) all.push(validId(id));
  if (fleet.options.readOnly) throw usage('heartbeat refused: read-only', 'leave out --read-only to write');
  const batch = new Batch(context);
  const round = () => batch.map(all, (id) => beat(fleet, id, options, report));
  const results = everyBeat(context, every, options.count, round, outage);
  await context.print.stream(HEARTBEAT, results);
  return batch.code;
}

function check(ids: readonly string[], { report, register, type, every, count, file }: Options): void {
  if (file !== undefined) {
    if (ids.length > 0 || report || every !== undefined)
      throw usage('-f goes with neither IDs, --report nor --every');
  } else if (ids.length === 0) {
    throw usage('an ID is due, or -f FILE', 'devstate heartbeat ID');
  }
  if (register && type === undefined) throw usage('--register needs --type');
  if (type !== undefined && !register) throw usage('--type goes with --register');
  if (count !== undefined && every === undefined) throw usage('--count goes with --every');
  const stray = report && ids.slice(1).find((id) => /^[^=]+=/.test(id));
  if (stray !== undefined)
    throw usage(`${JSON.stringify(stray)} is no device id here`, `did you mean --report ${stray}?`);
}

function parseEvery(text: string): number {
  const ms = parseDuration(text);
  if (ms < 1) throw usage('the interval is at least 1ms');
  return ms;
}
