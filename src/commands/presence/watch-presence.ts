/** `devstate watch-presence`: prints each device that goes online or offline, when it happens. */
import { type LinkedAbort, linkAbort } from '../../core/async/abort.js';
import { detect } from '../../core/detection/detector.js';
import { usageError } from '../../core/model/errors.js';
import { MAX_TIMER_MS } from '../../core/model/numeric-options.js';
import type { PresenceEvent } from '../../core/model/presence-event.js';
import { CURSOR_PATTERN } from '../../core/presence/cursor.js';
import { presenceFeed } from '../../core/presence/feed.js';
import type { Since } from '../../core/presence/log-reader.js';
import type { Fleet } from '../../core/store/fleet.js';
import { readFleetTime } from '../../core/store/server-time.js';
import { parseCount, parseDuration } from '../../input/duration.js';
import { type Glob, parseGlob } from '../../input/glob.js';
import { momentTime, parseMoment } from '../../input/moment.js';
import { command } from '../shared/command.js';
import { ONLY_TYPE } from '../shared/common-options.js';
import type { Context } from '../shared/context.js';
import { outageListener } from '../shared/outage-notices.js';
import { detectorNotices, warnWithoutDetector } from './detector-notices.js';
import { EVENT } from './event-view.js';
import { gapNotice, groupSameTick } from './gap-notice.js';

interface Options {
  type?: string;
  id?: Glob;
  since?: string;
  count?: number;
  for?: number;
  detect?: boolean;
  hold: boolean;
}

export const watchPresence = command<Options>({
  name: 'watch-presence',
  group: 'Presence',
  summary: 'Watch devices go online and offline',
  arguments: [],
  options: [
    ONLY_TYPE,
    {
      flags: '--id <glob>',
      summary: 'only ids that match: * is any text, ? any character',
      parse: parseGlob,
    },
    {
      flags: '--since <moment>',
      summary: "replay first: 15m, 2026-11-24T10:00Z, epoch ms, or what follows an event's id",
    },
    { flags: '--count <n>', summary: 'stop after this many events', parse: parseCount },
    {
      flags: '--for <duration>',
      summary: 'stop after this time; with --count, exit 4 if there were fewer events',
      parse: parseDuration,
    },
    { flags: '--detect', summary: 'also run a detector, which finds devices whose heartbeats stop' },
    { flags: '--no-hold', summary: 'with --detect: mark devices offline even right after an outage' },
  ],
  examples: [
    'devstate watch-presence',
    "devstate watch-presence --id 'sensor-*' --json | jq .deviceId",
    'devstate watch-presence --since 15m --detect',
    'devstate watch-presence --type meter --count 1 --for 30s',
  ],
  async run(context, _args, options) {
    context.print.check(EVENT);
    if (!options.hold && !options.detect) throw usageError('--no-hold requires --detect');
    const readSince = options.since === undefined ? undefined : parseSince(options.since);
    const fleet = await context.fleet();
    const since = await readSince?.(fleet);
    if (!options.detect) await warnWithoutDetector(context, fleet, 'run devstate detect, or add --detect');
    const watch = linkAbort(context.signal);
    let timer: NodeJS.Timeout | undefined;
    const feed = presenceFeed(fleet, {
      ...(since && { since }),
      signal: watch.signal,
      onReady: () => {
        context.notice('watching');
        if (options.for !== undefined) timer = setTimeout(watch.abort, Math.min(options.for, MAX_TIMER_MS));
      },
      onNoLog: () =>
        context.notice(
          'this fleet keeps no log of presence events (logCap 0): they are shown as they come, and those during an outage are lost',
        ),
      onGap: groupSameTick((gaps) => context.notice(gapNotice(gaps))),
      onDropped: (count) =>
        context.notice(
          `${count} events of other programs are missing: they came faster than they were printed`,
        ),
      ...outageListener(context),
    });
    const detecting = options.detect ? detectUntilEnd(context, fleet, options, watch) : undefined;
    detecting?.catch(() => {}); // no unhandled rejection: a failed detector ends the feed, and `await detecting` below throws its error
    try {
      const printed = await context.print.stream(EVENT, matching(feed, options));
      const tooFew = options.count !== undefined && printed < options.count && !context.signal.aborted;
      return tooFew ? 'CONDITION' : undefined;
    } finally {
      clearTimeout(timer);
      watch.abort();
      watch.unlink();
      await detecting;
    }
  },
});

/**
 * Runs a detector until the watch ends. The events that it yields are not used, because the feed reads them from
 * the log.
 */
async function detectUntilEnd(
  context: Context,
  fleet: Fleet,
  { hold }: Options,
  watch: LinkedAbort,
): Promise<void> {
  const options = {
    ...detectorNotices(context, hold),
    onLost: () => {}, // the detector prints no notice about a lost connection, because the feed already does
    onResumed: () => {},
    honourHold: hold,
    signal: watch.signal,
  };
  try {
    for await (const _ of detect(fleet, options));
  } finally {
    watch.abort();
  }
}

/** Parses the value of `--since`: the id of an event, as in the JSON output, or a moment by the server's clock. */
function parseSince(text: string): (fleet: Fleet) => Promise<Since> {
  if (CURSOR_PATTERN.test(text)) return async () => ({ id: text });
  const moment = parseMoment(text);
  return async (fleet) => ({ time: await momentTime(moment, () => readFleetTime(fleet)) });
}

/** Yields the events that match `--type` and `--id`, at most `count`. */
async function* matching(
  feed: AsyncIterable<PresenceEvent>,
  { type, id, count = Number.POSITIVE_INFINITY }: Options,
): AsyncGenerator<PresenceEvent> {
  let yielded = 0;
  for await (const event of feed) {
    if (type !== undefined && event.deviceType !== type) continue;
    if (id !== undefined && !id(event.deviceId)) continue;
    yield event;
    yielded += 1;
    if (yielded >= count) return;
  }
}
