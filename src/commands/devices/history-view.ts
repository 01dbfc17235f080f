/** How `history` shows changes: with the whole new value, or with the paths that changed. */
import type { HistoryChange } from '../../core/history/read-history.js';
import { type Json, toJson } from '../../core/model/json.js';
import type { View } from '../../output/view.js';
import { pathText } from '../shared/path-text.js';

const fields = ['deviceId', 'kind', 'at', 'version', 'seq', 'value', 'status', 'reason'];

function jsonOutput({ deviceId, kind, at, number, value, status, reason }: HistoryChange) {
  return {
    deviceId,
    kind,
    at,
    version: kind === 'presence' ? null : number,
    seq: kind === 'presence' ? number : null,
    value,
    status,
    reason,
  };
}

export const HISTORY: View<HistoryChange> = {
  fields,
  json: jsonOutput,
  name: ({ deviceId }) => deviceId,
  columns: [
    { header: 'TIME', width: 24, cell: ({ at }, times) => times.instant(at) },
    { header: 'KIND', width: 8, cell: ({ kind }) => kind },
    { header: 'VERSION', width: 7, cell: ({ number }) => String(number) },
    { header: 'BECAME', cell: (entry) => newValueText(entry) },
  ],
  emptyNotice: 'no history',
};

export const HISTORY_DIFF: View<HistoryChange> = {
  ...HISTORY,
  fields: [...fields, 'changes'],
  json: (entry) => ({
    ...jsonOutput(entry),
    changes:
      entry.changes?.map(({ path, from, to }) => ({
        path: pathText(path),
        ...(from !== undefined && { from }),
        ...(to !== undefined && { to }),
      })) ?? null,
  }),
  columns: [...HISTORY.columns.slice(0, -1), { header: 'CHANGED', cell: changesText }],
};

function newValueText({ value, status, reason }: HistoryChange): string {
  return value ? toJson(value) : `${status} (${reason})`;
}

function changesText(entry: HistoryChange): string {
  if (!entry.value) return newValueText(entry);
  if (!entry.changes) return `${toJson(entry.value)} (the previous value is not known)`;
  return entry.changes
    .map(({ path, from, to }) => `${pathText(path)}: ${jsonText(from)} → ${jsonText(to)}`)
    .join(', ');
}

function jsonText(value: Json | undefined): string {
  return value === undefined ? '-' : toJson(value);
}
