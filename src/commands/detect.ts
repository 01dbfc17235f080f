/** `devstate detect`: finds devices that fell silent, and announces them. */
import { type DetectOptions, detect as detectOffline, type Strategy, sweep } from '../core/detector.js';
import type { PresenceEvent } from '../core/device.js';
import { usage } from '../core/errors.js';
import { parseDuration } from '../input/duration.js';
import { durationText } from '../output/times.js';
import { command } from './command.js';
import { detectorNotices } from './detecting.js';
import { EVENT } from './event-view.js';

interface Options {
  strategy?: Strategy;
  interval?: number;
  audit?: number;
  once?: boolean;
  hold: boolean;
}

export const detect = command<Options>({
  name: 'detect',
  group: 'Presence',
  summary: 'Find devices that fell silent, and announce them',
  service: true,
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
    if (interval !== undefined && strategy !== 'poll') throw usage('--interval goes with --strategy poll');
    if (once && (strategy !== undefined || audit !== undefined))
      throw usage('--once goes with neither --strategy nor --audit');
    const fleet = await context.fleet({ persistent: !once });
    const counted = { offline: 0, online: 0 };
    const start = context.now();
    const options: DetectOptions = {
      ...detectorNotices(context, hold),
      signal: context.signal,
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
    else await context.print.stream(EVENT, counting(detectOffline(fleet, options), counted));
    const observed = counted.online > 0 ? `, ${counted.online} observed online` : '';
    context.notice(
      `${counted.offline} went offline${observed}${once ? '' : ` in ${durationText(context.now() - start)}`}`,
    );
  },
});

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
  if (ms < 1) throw usage('at least 1ms is due');
  return ms;
}
