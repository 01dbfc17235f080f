/** `devstate detect`: finds devices whose heartbeats stopped, marks them offline and announces it. */
import { linkAbort } from '../../core/async/abort.js';
import { DEFAULT_AUDIT_ROUND_MS } from '../../core/detection/audit.js';
import type { DetectOptions, Strategy } from '../../core/detection/detect-options.js';
import { detect as detectOffline } from '../../core/detection/detector.js';
import { sweep } from '../../core/detection/sweep.js';
import { usageError } from '../../core/model/errors.js';
import type { PresenceEvent } from '../../core/model/presence-event.js';
import { parseDuration } from '../../input/duration.js';
import { formatDuration } from '../../output/times.js';
import { command } from '../shared/command.js';
import type { Context } from '../shared/context.js';
import { warnOfEviction } from '../shared/eviction-warning.js';
import { detectorNotices } from './detector-notices.js';
import { EVENT } from './event-view.js';
import { PrintQueue } from './print-queue.js';

interface Options {
  strategy?: Strategy;
  interval?: number;
  audit?: number;
  once?: boolean;
  hold: boolean;
}

/**
 * The most events that may wait for a slow reader of standard output. Further events are announced but not
 * printed, so that waiting events do not fill the memory.
 */
const MAX_QUEUED_EVENTS = 10_000;

export const detect = command<Options>({
  name: 'detect',
  group: 'Presence',
  summary: 'Find devices whose heartbeats stopped, and announce them as offline',
  service: true,
  writes: true,
  arguments: [],
  options: [
    {
      flags: '--strategy <name>',
      summary:
        'deadline (default): wait for the next heartbeat to expire; poll: check all online devices at an interval; keyspace: use Redis keyspace events',
      values: ['deadline', 'poll', 'keyspace'],
    },
    {
      flags: '--interval <duration>',
      summary: 'for --strategy poll: time between checks (default 10s)',
      parse: parseInterval,
    },
    {
      flags: '--audit <duration>',
      summary: 'time in which every device of the fleet is checked once (default 5m)',
      parse: parseInterval,
    },
    { flags: '--once', summary: 'check once and exit' },
    { flags: '--no-hold', summary: 'mark devices offline even right after an outage' },
  ],
  examples: ['devstate detect', 'devstate detect --once', 'devstate detect -o ndjson --strategy keyspace'],
  async run(context, _args, { strategy, interval, audit, once = false, hold }) {
    context.print.check(EVENT);
    if (interval !== undefined && strategy !== 'poll')
      throw usageError('--interval requires --strategy poll');
    if (once && (strategy !== undefined || audit !== undefined))
      throw usageError('--once cannot be combined with --strategy or --audit');
    const fleet = await context.fleet();
    const warned = warnOfEviction(context, fleet);
    const counts = { offline: 0, online: 0 };
    const startMs = performance.now();
    const options: DetectOptions = {
      ...detectorNotices(context, hold),
      honourHold: hold,
      ...(strategy && { strategy }),
      ...(interval !== undefined && { interval }),
      ...(audit !== undefined && { auditRound: audit }),
      onReady: () =>
        context.notice(
          `detecting (${strategy ?? 'deadline'}; audit round ${formatDuration(audit ?? DEFAULT_AUDIT_ROUND_MS)})`,
        ),
    };
    if (once) await context.print.list(EVENT, counting(sweep(fleet, options), counts));
    else
      await detectAndPrint(context, (signal) =>
        counting(detectOffline(fleet, { ...options, signal }), counts),
      );
    await warned;
    const observed = counts.online > 0 ? `, ${counts.online} observed online` : '';
    context.notice(
      `${counts.offline} went offline${observed}${once ? '' : ` in ${formatDuration(performance.now() - startMs)}`}`,
    );
  },
});

/** Detects and prints at the same time, so that a slow reader of standard output delays no announcement. */
async function detectAndPrint(
  context: Context,
  eventsUntil: (signal: AbortSignal) => AsyncIterable<PresenceEvent>,
): Promise<void> {
  const { print, notice, signal } = context;
  const queue = new PrintQueue<PresenceEvent>({
    maxRows: MAX_QUEUED_EVENTS,
    onFull: () =>
      notice('standard output is not read: further events are announced and logged, but not printed'),
    onDropped: (count) =>
      notice(`${count} events were not printed; devstate watch-presence --since prints them`),
  });
  const detection = linkAbort(signal);
  const detecting = queue.fill(eventsUntil(detection.signal));
  detecting.catch(() => {}); // no unhandled rejection: a failed detection ends the queue, and `await detecting` below throws its error
  try {
    await print.stream(EVENT, queue);
  } finally {
    detection.abort();
    detection.unlink();
    await detecting;
  }
}

/** Yields the events, and counts them by status. */
async function* counting(
  events: AsyncIterable<PresenceEvent>,
  counts: Record<PresenceEvent['status'], number>,
) {
  for await (const event of events) {
    counts[event.status] += 1;
    yield event;
  }
}

function parseInterval(text: string): number {
  const ms = parseDuration(text);
  if (ms < 1) throw usageError('must be at least 1ms');
  return ms;
}
