/** `devstate heartbeat ID…`: sends a heartbeat for devices, or with `-f FILE` one for each line. */

import { unwrapOne } from '../../core/async/item-results.js';
import { usageError } from '../../core/model/errors.js';
import type { HeartbeatResult } from '../../core/model/heartbeat.js';
import { validId } from '../../core/model/identifiers.js';
import { toJson } from '../../core/model/json.js';
import { heartbeats } from '../../core/presence/heartbeats.js';
import type { Fleet } from '../../core/store/fleet.js';
import { parseHeartbeatLine } from '../../input/device-line.js';
import { parseCount, parseDuration, parseTtl } from '../../input/duration.js';
import type { View } from '../../output/view.js';
import { applyLines, lineItems } from '../shared/apply-lines.js';
import { BatchRunner } from '../shared/batch-runner.js';
import { command } from '../shared/command.js';
import { FAIL_FAST } from '../shared/common-options.js';
import { confirmBulkWrite, YES } from '../shared/confirm.js';
import { idBatches, isSingle } from '../shared/device-ids.js';
import { pickFields } from '../shared/pick-fields.js';
import { readDocument } from '../shared/read-document.js';
import { sendHeartbeatsAtInterval } from './heartbeat-every.js';

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
  json: (row) => pickFields(row, fields),
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
      summary: 'reported state: KEY=VALUE, {…}, @FILE or -; replaces the last report',
      repeat: true,
    },
    { flags: '--merge', summary: 'merge the report into the last one (RFC 7396)' },
    {
      flags: '--ttl <duration>',
      summary: 'how long the device stays online after this heartbeat',
      parse: parseTtl,
    },
    { flags: '--register', summary: 'register unknown devices with the type of --type' },
    { flags: '--type <type>', summary: 'device type for --register' },
    { flags: '--every <duration>', summary: 'repeat at this interval until stopped', parse: parseEvery },
    { flags: '--count <n>', summary: 'with --every: stop after this many', parse: parseCount },
    { flags: '-f, --file <path>', summary: 'heartbeats as NDJSON, one a line; - is standard input' },
    FAIL_FAST,
    YES,
  ],
  examples: [
    'devstate heartbeat sensor-001 --report temperature=23.5 --report humidity=45',
    'devstate heartbeat sensor-001 --every 10s',
    'devstate heartbeat new-7 --register --type meter --ttl 5m',
  ],
  async run(context, ids, options) {
    context.print.check(HEARTBEAT);
    checkArguments(ids, options);
    const { file, merge = false, ttl, every, count, failFast = false, yes } = options;
    const registerAs = options.register ? options.type : undefined;
    const common = { ...(ttl !== undefined && { ttl }), ...(registerAs !== undefined && { registerAs }) };
    if (file !== undefined) {
      return applyLines(context, {
        file,
        failFast,
        yes,
        verb: 'Send heartbeats for',
        view: HEARTBEAT,
        read: (input) =>
          lineItems(context, input, (text, notice) => parseHeartbeatLine(text, { merge, ttl }, notice)),
        apply: (fleet, lines) =>
          heartbeats(
            fleet,
            lines.map((line) => ({ ...common, ...line })),
          ),
      });
    }
    if (isSingle(ids)) validId(ids[0]);
    if (!(await confirmBulkWrite(context, { yes, ids }, 'Send heartbeats for'))) return 'CONDITION';
    const document = options.report && (await readDocument(context, options.report));
    const report = document && (merge ? { patch: document } : { reportedJson: toJson(document) });
    const send = (fleet: Fleet, batch: readonly string[]) =>
      heartbeats(
        fleet,
        batch.map((id) => ({ id, ...report, ...common })),
      );
    if (every !== undefined)
      return sendHeartbeatsAtInterval(context, ids, { intervalMs: every, count, view: HEARTBEAT, send });
    const fleet = await context.fleet();
    if (isSingle(ids)) return context.print.one(HEARTBEAT, unwrapOne(await send(fleet, ids)));
    const runner = new BatchRunner(context);
    const results = runner.run(idBatches(context, ids), (batch) => send(fleet, batch));
    await context.print.list(HEARTBEAT, results);
    return runner.errorCode;
  },
});

/**
 * Checks that the arguments and options go together.
 * @throws DevstateError USAGE: some exclude each other, or one requires another
 */
function checkArguments(
  ids: readonly string[],
  { report, register, type, every, count, file, failFast }: Options,
): void {
  if (failFast && file === undefined) throw usageError('--fail-fast requires -f');
  if (file !== undefined) {
    if (ids.length > 0 || report || every !== undefined)
      throw usageError('-f cannot be combined with IDs, --report or --every');
  } else if (ids.length === 0) {
    throw usageError('an ID or -f FILE is required', 'devstate heartbeat ID');
  }
  if (ids.includes('-') && report?.includes('-'))
    throw usageError(
      'standard input cannot be both the ids and the report',
      'put the report in a file: @FILE',
    );
  if (register && type === undefined) throw usageError('--register requires --type');
  if (type !== undefined && !register) throw usageError('--type requires --register');
  if (count !== undefined && every === undefined) throw usageError('--count requires --every');
  const misplaced = report && ids.slice(1).find((id) => /^[^=]+=/.test(id));
  if (misplaced !== undefined)
    throw usageError(`${JSON.stringify(misplaced)} is no device id`, `did you mean --report ${misplaced}?`);
}

function parseEvery(text: string): number {
  const ms = parseDuration(text);
  if (ms < 1) throw usageError('must be at least 1ms');
  return ms;
}
