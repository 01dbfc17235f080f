/** `devstate watch-presence`: who comes and goes, as it happens. */

import type { PresenceEvent } from '../core/device.js';
import { validType } from '../core/device.js';
import { presenceFeed } from '../core/presence.js';
import { parseCount, parseDuration } from '../input/duration.js';
import { globPattern } from '../input/glob.js';
import { durationText } from '../output/times.js';
import type { View } from '../output/view.js';
import { type Context, command } from './command.js';
import { pick } from './device-view.js';
import { LONGEST_TIMER_MS } from './timer.js';

interface Options {
  type?: string;
  id?: RegExp;
  count?: number;
  for?: number;
}

const fields = ['id', 'type', 'deviceId', 'deviceType', 'status', 'timestamp', 'seq', 'reason'] as const;
const EVENT: View<PresenceEvent> = {
  fields,
  json: (row) => pick(row, fields),
  name: ({ deviceId }) => deviceId,
  columns: [
    { header: 'TIME', width: 24, cell: ({ timestamp }, times) => times.instant(timestamp) },
    { header: 'DEVICE', width: 20, cell: ({ deviceId }) => deviceId },
    { header: 'TYPE', width: 18, cell: ({ deviceType }) => deviceType ?? '-' },
    {
      header: 'STATUS',
      width: 7,
      cell: ({ status }) => status,
      tone: ({ status }) => (status === 'online' ? 'good' : 'bad'),
    },
    { header: 'REASON', width: 10, cell: ({ reason }) => reason ?? '-' },
    {
      header: 'LASTED',
      width: 8,
      cell: ({ timestamp, previousAt }) => (previousAt === null ? '-' : durationText(timestamp - previousAt)),
    },
  ],
  wide: [
    { header: 'SEQ', width: 4, cell: ({ seq }) => String(seq ?? '-') },
    { header: 'ID', cell: ({ id }) => id ?? '-' },
  ],
};

export const watchPresence = command<Options>({
  name: 'watch-presence',
  group: 'Presence',
  summary: 'Watch devices come and go',
  arguments: [],
  options: [
    { flags: '--type <type>', summary: 'only devices of this type', parse: validType },
    { flags: '--id <glob>', summary: 'only ids like this: * and ? stand for any', parse: globPattern },
    { flags: '--count <n>', summary: 'stop after so many events', parse: parseCount },
    {
      flags: '--for <duration>',
      summary: 'stop after that long; with --count, exit 4 if they did not come',
      parse: parseDuration,
    },
  ],
  examples: [
    'devstate watch-presence',
    "devstate watch-presence --id 'sensor-*' --json | jq .deviceId",
    'devstate watch-presence --type meter --count 1 --for 30s',
  ],
  async run(context, _args, options) {
    context.print.check(EVENT);
    const fleet = await context.fleet({ persistent: true });
    const end = new AbortController();
    const stop = () => end.abort();
    context.signal.addEventListener('abort', stop, { once: true });
    let timer: NodeJS.Timeout | undefined;
    const feed = presenceFeed(fleet, {
      signal: end.signal,
      onReady: () => {
        context.notice('watching');
        if (options.for !== undefined) timer = setTimeout(stop, Math.min(options.for, LONGEST_TIMER_MS));
      },
      ...connectionNotices(context),
    });
    try {
      const shown = await context.print.stream(EVENT, matching(feed, options));
      const missed = options.count !== undefined && shown < options.count && !context.signal.aborted;
      return missed ? 'CONDITION' : undefined;
    } finally {
      clearTimeout(timer);
      context.signal.removeEventListener('abort', stop);
    }
  },
});

function connectionNotices({ notice }: Context) {
  return {
    onLost: (error: Error) => notice(`${error.message}; trying on`),
    onResumed: () => notice('connected again; nothing was missed'),
  };
}

async function* matching(
  feed: AsyncIterable<PresenceEvent>,
  { type, id, count = Number.POSITIVE_INFINITY }: Options,
): AsyncGenerator<PresenceEvent> {
  let shown = 0;
  for await (const event of feed) {
    if (type !== undefined && event.deviceType !== type) continue;
    if (id !== undefined && !id.test(event.deviceId)) continue;
    yield event;
    shown += 1;
    if (shown >= count) return;
  }
}
