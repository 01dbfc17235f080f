/** How presence events are shown, by `detect` and `watch-presence`. */
import type { PresenceEvent } from '../../core/model/presence-event.js';
import { formatDuration } from '../../output/times.js';
import type { View } from '../../output/view.js';
import { toneOf } from '../shared/device-columns.js';
import { pickFields } from '../shared/pick-fields.js';

const fields = ['id', 'type', 'deviceId', 'deviceType', 'status', 'timestamp', 'seq', 'reason'] as const;

export const EVENT: View<PresenceEvent> = {
  fields,
  json: (row) => pickFields(row, fields),
  name: ({ deviceId }) => deviceId,
  columns: [
    { header: 'TIME', width: 24, cell: ({ timestamp }, times) => times.instant(timestamp) },
    { header: 'DEVICE', width: 20, cell: ({ deviceId }) => deviceId },
    { header: 'TYPE', width: 18, cell: ({ deviceType }) => deviceType ?? '-' },
    {
      header: 'STATUS',
      width: 7,
      cell: ({ status }) => status,
      highlight: ({ status }) => toneOf(status),
    },
    { header: 'REASON', width: 10, cell: ({ reason }) => reason ?? '-' },
    {
      header: 'LASTED',
      width: 8,
      cell: ({ timestamp, previousAt }) =>
        previousAt === null ? '-' : formatDuration(timestamp - previousAt),
    },
  ],
  wide: [
    { header: 'SEQ', width: 4, cell: ({ seq }) => String(seq ?? '-') },
    { header: 'ID', cell: ({ id }) => id ?? '-' },
  ],
};
