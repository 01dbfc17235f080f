/** `devstate history ID`: what changed and when. */

import {
  HISTORY_KINDS,
  type HistoryChange,
  type HistoryOptions,
  readHistory,
} from '../../core/history/entries.js';
import { followHistory } from '../../core/history/follow.js';
import { validId } from '../../core/model/device.js';
import { usageError } from '../../core/model/errors.js';
import { type Json, toJson } from '../../core/model/json.js';
import type { HistoryKind } from '../../core/model/keyspace.js';
import type { Fleet } from '../../core/store/fleet.js';
import { parseCount } from '../../input/duration.js';
import { parseMoment } from '../../input/moment.js';
import type { View } from '../../output/view.js';
import { pathText } from '../shadow/delta.js';
import { command } from '../shared/command.js';
import type { Context } from '../shared/context.js';
import { connectionNotices } from '../shared/detector-notices.js';

interface Options {
  since?: string;
  until?: string;
  kind?: HistoryKind[];
  limit?: number;
  diff?: boolean;
  follow?: boolean;
}

const fields = ['deviceId', 'kind', 'at', 'version', 'seq', 'value', 'status', 'reason'];
const json = ({ deviceId, kind, at, number, value, status, reason }: HistoryChange) => ({
  deviceId,
  kind,
  at,
  version: kind === 'presence' ? null : number,
  seq: kind === 'presence' ? number : null,
  value,
  status,
  reason,
});

const HISTORY: View<HistoryChange> = {
  fields,
  json,
  name: ({ deviceId }) => deviceId,
  columns: [
    { header: 'TIME', width: 24, cell: ({ at }, times) => times.instant(at) },
    { header: 'KIND', width: 8, cell: ({ kind }) => kind },
    { header: 'VERSION', width: 7, cell: ({ number }) => String(number) },
    { header: 'BECAME', cell: (entry) => became(entry) },
  ],
  empty: 'no history',
};

const DIFF: View<HistoryChange> = {
  ...HISTORY,
  fields: [...fields, 'changes'],
  json: (entry) => ({
    ...json(entry),
    changes:
      entry.changes?.map(({ path, from, to }) => ({ path: pathText(path), ...present({ from, to }) })) ??
      null,
  }),
  columns: [...HISTORY.columns.slice(0, -1), { header: 'CHANGED', cell: changed }],
};

export const history = command<Options>({
  name: 'history',
  group: 'Devices',
  summary: 'Show what changed and when: reports, desired states, presence',
  arguments: [{ name: 'id', summary: 'device id', required: true }],
  options: [
    { flags: '--since <moment>', summary: 'not before: 2h ago, 2026-11-24T10:00Z, epoch ms' },
    { flags: '--until <moment>', summary: 'not after' },
    { flags: '--kind <list>', summary: 'only these: reported,desired,presence', parse: parseKinds },
    { flags: '--limit <n>', summary: 'the newest so many', parse: parseCount },
    { flags: '--diff', summary: 'show which paths went from what to what' },
    { flags: '--follow', summary: 'go on with what changes from now on' },
  ],
  examples: [
    'devstate history sensor-001',
    'devstate history sensor-001 --since 2h --diff',
    'devstate history sensor-001 --kind presence --follow --json',
  ],
  async run(context, [id = ''], { diff = false, follow = false, ...options }) {
    const view = diff ? DIFF : HISTORY;
    context.print.check(view);
    if (follow && options.until !== undefined)
      throw usageError('--follow goes on, so --until does not go with it');
    const query = queryOf(options, context.now());
    validId(id);
    const fleet = await context.fleet({ persistent: follow });
    if (follow) await context.print.stream(view, following(context, fleet, id, query));
    else await context.print.list(view, await readHistory(fleet, id, query));
  },
});

function queryOf({ since, until, kind, limit }: Options, now: number): HistoryOptions {
  return {
    ...(since !== undefined && { since: parseMoment(since, now) }),
    ...(until !== undefined && { until: parseMoment(until, now) }),
    ...(kind && { kinds: kind }),
    ...(limit !== undefined && { limit }),
  };
}

function following(
  { signal, notice }: Context,
  fleet: Fleet,
  id: string,
  query: HistoryOptions,
): AsyncIterable<HistoryChange> {
  return followHistory(fleet, id, {
    ...query,
    signal,
    ...connectionNotices(notice),
    onDropped: (kind, count) =>
      notice(
        count === 1
          ? `1 entry of ${kind} was dropped before it could be read`
          : `${count} entries of ${kind} were dropped before they could be read`,
      ),
    onGone: ({ message }) => notice(`${message} any more; waiting for it`),
  });
}

function became({ value, status, reason }: HistoryChange): string {
  return value ? toJson(value) : `${status} (${reason})`;
}

function changed(entry: HistoryChange): string {
  if (!entry.value) return became(entry);
  if (!entry.changes) return `${toJson(entry.value)} (what came before is not known)`;
  return entry.changes
    .map(({ path, from, to }) => `${pathText(path)}: ${text(from)} → ${text(to)}`)
    .join(', ');
}

function text(value: Json | undefined): string {
  return value === undefined ? '-' : toJson(value);
}

/** What is not there is left out: `null` is a value that a report may hold. */
function present(values: { from: Json | undefined; to: Json | undefined }): Record<string, Json> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Record<
    string,
    Json
  >;
}

function parseKinds(list: string): HistoryKind[] {
  return list.split(',').map((name) => {
    const kind = HISTORY_KINDS.find((known) => known === name.trim());
    if (!kind) throw usageError(`no kind ${JSON.stringify(name)}; there are ${HISTORY_KINDS.join(', ')}`);
    return kind;
  });
}
