/** `devstate detect`: finds devices that fell silent, and announces them. */
import {
  type DetectOptions,
  detect as detectOffline,
  type Strategy,
  sweep,
} from '../../core/detection/detector.js';
import type { PresenceEvent } from '../../core/model/device.js';
import { usageError } from '../../core/model/errors.js';
import { parseDuration } from '../../input/duration.js';
import { durationText } from '../../output/times.js';
import { command } from '../shared/command.js';
import type { Context } from '../shared/context.js';
import { detectorNotices, endingWith } from '../shared/detector-notices.js';
import { EVENT } from '../shared/event-view.js';
import { PrintQueue } from '../shared/print-queue.js';

interface Options {
  strategy?: Strategy;
  interval?: number;
  audit?: number;
  once?: boolean;
  hold: boolean;
}

/** How many events wait for a slow reader. */
const MOST_WAITING = 10_000;

export const detect = command<Options>({
  name: 'detect',
  group: 'Presence',
  summary: 'Find devices that fell silent, and announce them',
  service: true,
  writes: true,
  arguments: [],
  options: [
    {
      flags: '--strategy <name>',
      summary: 'deadline sleeps until the next one is due; the others are the article’s (default deadline)',
      values: ['deadline', 'poll', 'keyspace'],
    },
    { flags: '--interval <duration>', summary: 'of --strategy poll (default 10s)', parse: parseInterval },
    {
      flags: '--audit <duration>',
      summary: 'how long a round over the whole fleet may take (default 5m)',
      parse: parseInterval,
    },
    { flags: '--once', summary: 'sweep once and end' },
    { flags: '--no-hold', summary: 'pass verdicts even right after an outage' },
  ],
  examples: ['devstate detect', 'devstate detect --once', 'devstate detect -o ndjson --strategy keyspace'],
  async run(context, _args, { strategy, interval, audit, once = false, hold }) {
    context.print.check(EVENT);
    if (interval !== undefined && strategy !== 'poll')
      throw usageError('--interval goes with --strategy poll');
    if (once && (strategy !== undefined || audit !== undefined))
      throw usageError('--once goes with neither --strategy nor --audit');
    const fleet = await context.fleet({ persistent: !once });
    const counted = { offline: 0, online: 0 };
    const start = context.now();
    const options: DetectOptions = {
      ...detectorNotices(context, hold),
      honourHold: hold,
      ...(strategy && { strategy }),
      ...(interval !== undefined && { interval }),
      ...(audit !== undefined && { auditRound: audit }),
      onReady: () =>
        context.notice(
          `detecting (${strategy ?? 'deadline'}; audit round ${durationText(audit ?? 300_000)})`,
        ),
    };
    if (once) await context.print.list(EVENT, counting(sweep(fleet, options), counted));
    else
      await detectAndPrint(context, (signal) =>
        counting(detectOffline(fleet, { ...options, signal }), counted),
      );
    const observed = counted.online > 0 ? `, ${counted.online} observed online` : '';
    context.notice(
      `${counted.offline} went offline${observed}${once ? '' : ` in ${durationText(context.now() - start)}`}`,
    );
  },
});

/** Printing is apart: who does not read keeps no device from being announced. */
async function detectAndPrint(
  context: Context,
  eventsUntil: (signal: AbortSignal) => AsyncIterable<PresenceEvent>,
): Promise<void> {
  const { print, notice, signal } = context;
  const backlog = new PrintQueue<PresenceEvent>({
    most: MOST_WAITING,
    onFull: () =>
      notice('standard output is not read: what is announced goes to the log, and is not printed'),
    onLeftOut: (count) =>
      notice(`${count} events were not printed; devstate watch-presence --since has them`),
  });
  const ending = endingWith(signal);
  const detecting = backlog.fill(eventsUntil(ending.signal));
  detecting.catch(() => {}); // it ends the printing, and is told when that has ended
  try {
    await print.stream(EVENT, backlog);
  } finally {
    ending.abort();
    await detecting;
  }
}

async function* counting(
  events: AsyncIterable<PresenceEvent>,
  counted: Record<PresenceEvent['status'], number>,
) {
  for await (const event of events) {
    counted[event.status] += 1;
    yield event;
  }
}

function parseInterval(text: string): number {
  const ms = parseDuration(text);
  if (ms < 1) throw usageError('at least 1ms is due');
  return ms;
}
