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
import { type HoldListener, HoldWatch } from './hold-watch.js';
import { judge, outcomes, refusalOf, worst } from './judge.js';
import { Outage, type OutageListener } from './outage.js';
import { serverTime } from './records.js';
import { mayPass } from './redis-errors.js';
import { MAX_DEVICES_PER_SCRIPT, STEP } from './scripts.js';
import type { Verdict } from './settle.js';
import {
  hearExpirations,
  hearForeign,
  INDEX_ALONE,
  pollOnline,
  type Source,
  type SuspectListener,
} from './sources.js';

/**
 * deadline: sleep until the earliest deadline, at most 1 s. poll: look through the online
 * set every `interval`. keyspace: go by Redis' expired events. The last two are the article's.
 */
export type Strategy = 'deadline' | 'poll' | 'keyspace';

export interface DetectOptions extends OutageListener, HoldListener {
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
  /** What the operator should know: a strategy that cannot be had, a device that cannot be judged. */
  onNotice?: (message: string) => void;
}

const LONGEST_SLEEP_MS = 1000;
/** How many are settled before the index is looked at again. */
const MOST_AT_ONCE = 8 * MAX_DEVICES_PER_SCRIPT;
const MOST_TOLD = 1000;
/** What Redis has to answer in, once the detector is to end; and all told, to take it off the pulse. */
const GRACE_MS = 400;
const LEAVE_MS = 800;

/** Every transition that this detector announces, until the signal aborts. @throws DevstateError */
export async function* detect(fleet: Fleet, options: DetectOptions = {}): AsyncGenerator<PresenceEvent> {
  const { signal, honourHold = true, onNotice = () => {} } = options;
  const bell = new Doorbell(signal);
  const outage = new Outage(options);
  const hold = new HoldWatch(options);
  const notice = onceEach(onNotice);
  const suspects = new Set<string>();
  let due: string[] = [];
  let lookAt = 0;
  // What lapsed before it began or during a loss is swept at once, by every strategy.
  let unswept = true;
  let failed = false;
  let loss: DevstateError | undefined;
  const listener: SuspectListener = {
    suspect(id) {
      suspects.add(id);
      bell.ring();
    },
    onLost(error) {
      loss = error;
      bell.ring();
    },
    onBack() {
      unswept = true;
      bell.ring();
    },
  };
  const audit = new Audit(fleet, options.auditRound ?? 300_000);
  const foreign = hearForeign(fleet, listener);
  const source = openSource(fleet, options, listener, notice);
  const deafness = () => foreign.lost ?? source.lost;
  const tellLoss = () => {
    if (loss) outage.begin(loss);
    loss = undefined;
  };
  const looks = () => unswept || performance.now() >= lookAt;
  // Straight among the suspects: what the one named is kept, whatever becomes of the other.
  const gather = async (from: Pick<Audit, 'next'>) => {
    if (suspects.size < MOST_AT_ONCE) for (const id of await from.next()) suspects.add(id);
  };
  try {
    await bell.orStopped(Promise.all([foreign.ready, source.ready]));
    while (!bell.stopped) {
      let taken: string[] = [];
      try {
        const deaf = deafness();
        if (deaf && !mayPass(deaf)) throw deaf;
        tellLoss();
        taken = take(suspects, MOST_AT_ONCE);
        const sweeps = unswept || due.length > 0 || hold.lasts || outage.lasts || source.sweeps;
        const limits = looks() ? [sweeps ? MOST_AT_ONCE : 0] : [];
        if (limits.length > 0) unswept = false;
        // Who is due goes first: what else there is to look into waits for the look.
        const gathers = due.length > 0 || limits.length === 0;
        // In one round trip: the look comes behind the verdicts, and sees who is due by then.
        const work = Promise.all([
          judge(fleet, due, taken, { detector: true, honourHold }),
          outcomes(limits.map((limit) => look(fleet, 'work', honourHold, limit))),
          outcomes(gathers ? [gather(audit), gather(source)] : []),
        ]);
        const [judged, looked, gathered] = (await bell.orStopped(work, GRACE_MS)) ?? [];
        if (!judged || !looked || !gathered) break;
        const failure = worst([...judged.failures, ...looked.failures, ...gathered.failures]);
        const wereDue = due.length;
        const [step] = looked.values;
        due = step?.due ?? [];
        if (step) {
          if (hold.first) options.onReady?.();
          hold.see(step);
          lookAt = due.length > 0 ? 0 : performance.now() + pauseAfter(step);
        }
        if (judged.events.some(isForeign) && (await fleet.settings()).exclusive) notice(FOREIGN_HAND);
        yield* judged.events;
        const refusal = failure ?? refusalOf(judged.verdicts, wereDue);
        if (refusal) throw refusal;
        tell(judged.verdicts, notice);
        failed = false;
        // What is due and was not settled yet may be refused again.
        if (step && !deafness() && (wereDue > 0 || due.length === 0)) {
          tellLoss();
          outage.end();
        }
      } catch (error) {
        if (!mayPass(error) || hold.first) throw error;
        for (const id of taken) suspects.add(id);
        due = [];
        unswept = true;
        failed = true;
        outage.begin(error);
        await bell.wait(LONGEST_SLEEP_MS);
      }
      if (due.length > 0 || suspects.size > 0 || unswept) continue;
      const pause = Math.min(lookAt - performance.now(), audit.pause(), source.pause());
      if (pause > 0) await bell.wait(pause);
    }
    if (!failed) await leave(fleet, bell);
  } finally {
    bell.close();
    foreign.close();
    source.close();
  }
}

const FOREIGN_HAND =
  'another program writes to this exclusive fleet, whose index lacks what it did: devstate init --writers shared';

/** Alive, and none of devstate's heartbeats announced it. */
function isForeign({ reason }: PresenceEvent): boolean {
  return reason === 'observed';
}

/** Takes the detector off the pulse; where Redis does not answer, the pulse's age tells. */
async function leave(fleet: Fleet, bell: Doorbell): Promise<void> {
  try {
    await bell.orStopped(look(fleet, 'leave', true, 0), LEAVE_MS);
  } catch (error) {
    if (!mayPass(error)) throw error;
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
    const { events, verdicts, failures } = await judge(fleet, due, [], { honourHold });
    yield* events;
    if (failures.length > 0) throw worst(failures);
    tell(verdicts, onNotice);
    const stuck = verdicts.every((verdict) => verdict === 'held' || verdict instanceof DevstateError);
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

function tell(verdicts: readonly Verdict[], onNotice: (message: string) => void): void {
  for (const verdict of verdicts) if (verdict instanceof DevstateError) onNotice(verdict.message);
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

function openSource(
  fleet: Fleet,
  { strategy = 'deadline', interval = 10_000 }: DetectOptions,
  listener: SuspectListener,
  notice: (message: string) => void,
): Source {
  if (strategy === 'poll') return pollOnline(fleet, interval);
  if (strategy === 'keyspace') return hearExpirations(fleet, listener, notice);
  return INDEX_ALONE;
}
