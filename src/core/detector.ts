/**
 * Finds devices whose time is up. The index says where to look and the settle script
 * passes the verdict, so any number of detectors, of any strategy, beside any of the
 * article's, announce each transition once. What must hold: every step reaches Redis at
 * least once a second, because a longer silence is taken for an outage.
 */
import { Audit } from './audit.js';
import type { PresenceEvent } from './device.js';
import { Doorbell } from './doorbell.js';
import { DevstateError } from './errors.js';
import type { Fleet } from './fleet.js';
import { type Settlement, settle } from './heartbeats.js';
import { serverTime } from './records.js';
import { MAX_DEVICES_PER_SCRIPT, STEP } from './scripts.js';
import { hearExpirations, hearForeign, pollOnline } from './sources.js';

/**
 * deadline: sleep until the earliest deadline, at most 1 s. poll: look through the online
 * set every `interval`. keyspace: go by Redis' expired events. The last two are the article's.
 */
export type Strategy = 'deadline' | 'poll' | 'keyspace';

export interface DetectOptions {
  strategy?: Strategy;
  /** Of `poll`, ms; 10,000. */
  interval?: number;
  /** False: pass verdicts even during a hold. */
  honourHold?: boolean;
  /** How long one round of the audit over the fleet may take, ms; 300,000. */
  auditRound?: number;
  signal?: AbortSignal;
  /** At work: what lapses from now on is found. */
  onReady?: () => void;
  /** After an outage no verdict is passed until then. */
  onHold?: (until: number) => void;
  onHoldEnd?: () => void;
  /** What the operator should know: a strategy that cannot be had, a device that cannot be judged. */
  onNotice?: (message: string) => void;
  onLost?: (error: DevstateError) => void;
  onResumed?: () => void;
}

const LONGEST_SLEEP_MS = 1000;
/** How many are settled before the index is looked at again. */
const MOST_AT_ONCE = 8 * MAX_DEVICES_PER_SCRIPT;
const MOST_TOLD = 1000;
/** What Redis has to answer in, once the detector is to end. */
const GRACE_MS = 400;

/** Every transition that this detector announces, until the signal aborts. @throws DevstateError */
export async function* detect(fleet: Fleet, options: DetectOptions = {}): AsyncGenerator<PresenceEvent> {
  const { signal, honourHold = true, onNotice = () => {} } = options;
  const bell = new Doorbell(signal);
  const suspects = new Set<string>();
  const suspect = (id: string) => {
    suspects.add(id);
    bell.ring();
  };
  const audit = new Audit(fleet, options.auditRound ?? 300_000);
  const hold = new HoldWatch(options);
  const foreign = hearForeign(fleet, suspect);
  const source = await openSource(fleet, options, suspect, onNotice);
  const notice = onceEach(onNotice);
  let due: string[] = [];
  let lookAt = 0;
  // What lapsed before it began, during a loss or during a hold is swept by every strategy.
  let sweeps = true;
  let lost = false;
  try {
    await bell.orStopped(Promise.all([foreign.ready, source.ready]));
    while (!bell.stopped) {
      const suspected = take(suspects, MOST_AT_ONCE);
      try {
        const looks = performance.now() >= lookAt;
        const ids = [...due, ...suspected];
        // Who is due goes first: what else there is to look into waits for the look.
        if (ids.length < MOST_AT_ONCE && (due.length > 0 || !looks)) {
          const others = Promise.all([audit.next(), source.next()]);
          ids.push(...((await bell.orStopped(others, GRACE_MS)) ?? []).flat());
        }
        // In one round trip: the look comes behind the verdicts, and sees who is due by then.
        const work = Promise.all([
          ids.length > 0 ? settle(fleet, ids, { detector: true, honourHold }) : undefined,
          performance.now() >= lookAt
            ? look(fleet, 'work', honourHold, sweeps ? MOST_AT_ONCE : 0)
            : undefined,
        ]);
        const settled = due.length;
        const [settlement, step] = (await bell.orStopped(work, GRACE_MS)) ?? [];
        due = step?.due ?? [];
        if (step) {
          if (hold.first) options.onReady?.();
          if (lost) options.onResumed?.();
          lost = false;
          hold.see(step);
          sweeps = due.length > 0 || hold.lasts || source.sweeps;
          lookAt = due.length > 0 ? 0 : performance.now() + pauseAfter(step);
        }
        if (settlement) {
          yield* report(settlement, notice);
          // Writes are refused, as on a replica: looking again at once would find the same.
          const verdicts = settlement.verdicts.slice(0, settled);
          if (settled > 0 && verdicts.every(isRefusal)) throw verdicts[0];
        }
      } catch (error) {
        if (!isRefusal(error) || hold.first) throw error;
        for (const id of suspected) suspects.add(id);
        due = [];
        lookAt = 0;
        sweeps = true;
        if (!lost) options.onLost?.(error);
        lost = true;
        await bell.wait(LONGEST_SLEEP_MS);
      }
      if (due.length > 0 || suspects.size > 0) continue;
      const pause = Math.min(lookAt - performance.now(), audit.pause(), source.pause());
      if (pause > 0) await bell.wait(pause);
    }
    if (!lost) await leave(fleet, bell);
  } finally {
    bell.close();
    foreign.close();
    source.close();
  }
}

/** Takes the detector off the pulse; where Redis does not answer, the pulse's age tells. */
async function leave(fleet: Fleet, bell: Doorbell): Promise<void> {
  try {
    await bell.orStopped(look(fleet, 'leave', true, 0), GRACE_MS);
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
}

/** One sweep over what is due, and no more: for cron. Honours a hold and opens none. */
export async function* sweep(
  fleet: Fleet,
  { honourHold = true, onHold, onNotice = () => {} }: DetectOptions = {},
): AsyncGenerator<PresenceEvent> {
  for (;;) {
    const { due, now, holdUntil } = await look(fleet, 'look', honourHold, MOST_AT_ONCE);
    if (honourHold && holdUntil >= now) onHold?.(holdUntil);
    if (due.length === 0) return;
    const settlement = await settle(fleet, due, { honourHold });
    yield* report(settlement, onNotice);
    const stuck = settlement.verdicts.every(
      (verdict) => verdict === 'held' || verdict instanceof DevstateError,
    );
    if (due.length < MOST_AT_ONCE || stuck) return;
  }
}

/** Whether a detector has been at work within the last seconds. */
export async function detectorAtWork(fleet: Fleet): Promise<boolean> {
  const [time, pulse] = await fleet.pipeline([['time'], ['get', fleet.keys.pulse]]);
  const [, step = 0] = String(pulse).split(' ').map(Number);
  return serverTime(time) - step <= 5 * LONGEST_SLEEP_MS;
}

interface Step {
  now: number;
  holdUntil: number;
  /** The next deadline, ms; 0: none. */
  next: number;
  due: string[];
}

async function look(
  fleet: Fleet,
  mode: 'work' | 'look' | 'leave',
  honourHold: boolean,
  limit: number,
): Promise<Step> {
  const { longestTtl } = await fleet.settings();
  const args = { longestTtl, mode, honourHold: honourHold ? 1 : 0, limit };
  const [now, holdUntil, next, ...due] = (await fleet.run(STEP, args, [])) as string[];
  return { now: Number(now), holdUntil: Number(holdUntil), next: Number(next), due };
}

/** Due means past: a deadline is slept through to the end of its millisecond. */
function pauseAfter({ now, next }: Step): number {
  return next === 0 ? LONGEST_SLEEP_MS : Math.min(Math.max(next - now, 0) + 1, LONGEST_SLEEP_MS);
}

function* report(
  { verdicts, events }: Settlement,
  onNotice: (message: string) => void,
): Generator<PresenceEvent> {
  for (const verdict of verdicts) if (verdict instanceof DevstateError) onNotice(verdict.message);
  yield* events;
}

/** Lost, refused or not able: it may pass. */
function isRefusal(outcome: unknown): outcome is DevstateError {
  return outcome instanceof DevstateError && outcome.code === 'CONNECTION';
}

/** A device that cannot be judged is looked at again and again, and told of once. */
function onceEach(notice: (message: string) => void): (message: string) => void {
  const told = new Set<string>();
  return (message) => {
    if (told.has(message)) return;
    if (told.size === MOST_TOLD) told.clear();
    told.add(message);
    notice(message);
  };
}

function take(suspects: Set<string>, count: number): string[] {
  const taken = [...suspects].slice(0, count);
  for (const id of taken) suspects.delete(id);
  return taken;
}

/** Tells of a hold once, and of its end. */
class HoldWatch {
  first = true;
  /** Lapsed devices wait for its end. */
  lasts = false;
  #until = 0;
  readonly #options: DetectOptions;

  constructor(options: DetectOptions) {
    this.#options = options;
  }

  see({ now, holdUntil }: Step): void {
    this.first = false;
    if (holdUntil >= now && holdUntil !== this.#until) this.#options.onHold?.(holdUntil);
    else if (this.#until > 0 && holdUntil < now) this.#options.onHoldEnd?.();
    this.lasts = holdUntil >= now;
    this.#until = this.lasts ? holdUntil : 0;
  }
}

/** What a strategy looks at beside the index. */
export interface Source {
  /** The index' due devices are settled too. */
  readonly sweeps: boolean;
  /** It hears all from now on. */
  readonly ready: Promise<void>;
  /** Further devices to settle now. */
  next(): Promise<string[]>;
  /** When to ask again, ms. */
  pause(): number;
  close(): void;
}

async function openSource(
  fleet: Fleet,
  { strategy = 'deadline', interval = 10_000 }: DetectOptions,
  suspect: (id: string) => void,
  notice: (message: string) => void,
): Promise<Source> {
  const index: Source = {
    sweeps: true,
    ready: Promise.resolve(),
    next: async () => [],
    pause: () => LONGEST_SLEEP_MS,
    close() {},
  };
  if (strategy === 'poll') return pollOnline(fleet, interval);
  if (strategy === 'keyspace') return (await hearExpirations(fleet, suspect, notice)) ?? index;
  return index;
}
