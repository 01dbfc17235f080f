/** `devstate watch-presence`: who comes and goes, as it happens. */
import { detect } from '../../core/detection/detector.js';
import { type PresenceEvent, validType } from '../../core/model/device.js';
import { usageError } from '../../core/model/errors.js';
import { CURSOR_PATTERN } from '../../core/presence/cursor.js';
import { presenceFeed } from '../../core/presence/feed.js';
import type { Gap, Since } from '../../core/presence/log-reader.js';
import type { Fleet } from '../../core/store/fleet.js';
import { parseCount, parseDuration } from '../../input/duration.js';
import { globPattern } from '../../input/glob.js';
import { parseMoment } from '../../input/moment.js';
import { command } from '../shared/command.js';
import type { Context } from '../shared/context.js';
import {
  connectionNotices,
  detectorNotices,
  endingWith,
  hintWithoutDetector,
} from '../shared/detector-notices.js';
import { EVENT } from '../shared/event-view.js';
import { LONGEST_TIMER_MS } from '../shared/timer.js';

interface Options {
  type?: string;
  id?: RegExp;
  since?: string;
  count?: number;
  for?: number;
  detect?: boolean;
  hold: boolean;
}

export const watchPresence = command<Options>({
  name: 'watch-presence',
  group: 'Presence',
  summary: 'Watch devices come and go',
  arguments: [],
  options: [
    { flags: '--type <type>', summary: 'only devices of this type', parse: validType },
    { flags: '--id <glob>', summary: 'only ids like this: * and ? stand for any', parse: globPattern },
    {
      flags: '--since <moment>',
      summary: "replay first: 15m, 2026-11-24T10:00Z, epoch ms, or after an event's id",
    },
    { flags: '--count <n>', summary: 'stop after so many events', parse: parseCount },
    {
      flags: '--for <duration>',
      summary: 'stop after that long; with --count, exit 4 if they did not come',
      parse: parseDuration,
    },
    { flags: '--detect', summary: 'find devices that fall silent, too' },
    { flags: '--no-hold', summary: 'with --detect: pass verdicts even right after an outage' },
  ],
  examples: [
    'devstate watch-presence',
    "devstate watch-presence --id 'sensor-*' --json | jq .deviceId",
    'devstate watch-presence --since 15m --detect',
    'devstate watch-presence --type meter --count 1 --for 30s',
  ],
  async run(context, _args, options) {
    context.print.check(EVENT);
    if (!options.hold && !options.detect) throw usageError('--no-hold goes with --detect');
    const since = options.since === undefined ? undefined : parseSince(options.since, context.now());
    const fleet = await context.fleet({ persistent: true });
    if (!options.detect) await hintWithoutDetector(context, fleet, 'run devstate detect, or add --detect');
    const ending = endingWith(context.signal);
    let timer: NodeJS.Timeout | undefined;
    const feed = presenceFeed(fleet, {
      ...(since && { since }),
      signal: ending.signal,
      onReady: () => {
        context.notice('watching');
        if (options.for !== undefined)
          timer = setTimeout(ending.abort, Math.min(options.for, LONGEST_TIMER_MS));
      },
      onGap: inOneGo((gaps) => context.notice(gapText(gaps))),
      onDropped: (count) =>
        context.notice(`${count} events of other programs are missing: they came faster than they were read`),
      ...connectionNotices(context.notice),
    });
    const detecting = options.detect ? detectAside(context, fleet, options, ending) : undefined;
    detecting?.catch(() => {}); // it ends the feed, and is told when that has ended
    try {
      const shown = await context.print.stream(EVENT, matching(feed, options));
      const missed = options.count !== undefined && shown < options.count && !context.signal.aborted;
      return missed ? 'CONDITION' : undefined;
    } finally {
      clearTimeout(timer);
      ending.abort();
      await detecting;
    }
  },
});

/** Runs a detector until the watch ends; what it announces comes by the feed. */
async function detectAside(
  context: Context,
  fleet: Fleet,
  { hold }: Options,
  ending: { signal: AbortSignal; abort(): void },
): Promise<void> {
  const options = {
    ...detectorNotices(context, hold),
    ...connectionSilence,
    honourHold: hold,
    signal: ending.signal,
  };
  try {
    for await (const _ of detect(fleet, options));
  } finally {
    ending.abort();
  }
}

/** The feed says already when the connection is lost. */
const connectionSilence = { onLost: () => {}, onResumed: () => {} };

/** An event's id, as the JSON output has it; else a moment. */
function parseSince(text: string, now: number): Since {
  return CURSOR_PATTERN.test(text) ? { id: text } : { time: parseMoment(text, now) };
}

/** What is told in a row is told as one. */
function inOneGo<Item>(tell: (items: readonly Item[]) => void): (item: Item) => void {
  const items: Item[] = [];
  return (item) => {
    if (items.push(item) === 1) queueMicrotask(() => tell(items.splice(0)));
  };
}

/** Of several logs: from the earliest beginning to the latest end. */
function gapText(gaps: readonly Gap[]): string {
  const after = gaps.map((gap) => gap.after).reduce((a, b) => (momentOf(b) < momentOf(a) ? b : a));
  const before = gaps
    .map((gap) => gap.before)
    .reduce((a, b) => (a === null || (b !== null && momentOf(b) < momentOf(a)) ? a : b));
  const which = gaps.length === 1 ? 'the log does' : `the logs of ${gaps.length} partitions do`;
  const from = typeof after === 'number' ? new Date(after).toISOString() : `event ${after}`;
  const to = before === null ? 'now' : `event ${before}`;
  return `${which} not reach back that far: events between ${from} and ${to} are missing`;
}

/** When it was logged, with which an event's id begins, ms. */
function momentOf(place: string | number): number {
  return typeof place === 'number' ? place : Number(place.split('-', 1)[0]);
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
