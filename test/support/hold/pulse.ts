/**
 * The pulse and the hold in TypeScript: the same rules as `lua/include/pulse.lua` and `hold.lua`, whose comments explain
 * them. A test holds both against each other on random states; the simulation uses this one, because it is fast.
 */

/** The fields of the key `devices:pulse`. Times are epoch ms, gaps are ms. */
export interface Pulse {
  last: number;
  change2: number;
  change1: number;
  gap: number;
  gapBefore: number;
  since: number;
  ttl: number;
  step: number;
  from: number;
  to: number;
  id: string;
}

/** A pulse as a script computes it, with what the script needs to know of it until it ends. */
export interface ComputedPulse extends Pulse {
  isSilent: boolean;
  wasSilent: boolean;
  isCut: boolean;
  isNoted: boolean;
  isMerged: boolean;
  mustWrite: boolean;
}

export type Caller = 'beat' | 'step' | 'settle';

const STAMP_MS = 100;
const SILENT_MS = 300;
const SILENT_GAPS = 1.5;
const CUT_MS = 2000;
const LEAST_PART = 1 / 8;
const OUTAGES_HELD = 4;
const NO_PULSE = 1;
const SET_BACK = 2;

/** Returns a pulse that shows neither heartbeats nor outages, but for the given fields. */
export function pulseWith(fields: Partial<Pulse> = {}): Pulse {
  const none = {
    last: 0,
    change2: 0,
    change1: 0,
    gap: 0,
    gapBefore: 0,
    since: 0,
    ttl: 0,
    step: 0,
    from: 0,
    to: 0,
  };
  return { ...none, id: '', ...fields };
}

/** Returns the text of the key. */
export function pulseText(fields: Partial<Pulse>): string {
  const { last, change2, change1, gap, gapBefore, since, ttl, step, from, to, id } = pulseWith(fields);
  return [last, change2, change1, gap, gapBefore, since, ttl, step, from, to, id].join(' ');
}

export function parsePulse(text: string): Pulse | undefined {
  const found = /^(\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (.*)$/s.exec(text);
  if (!found) return undefined;
  const [last, change2, change1, gap, gapBefore, since, ttl, step, from, to] = found.slice(1, 11).map(Number);
  return pulseWith({
    last,
    change2,
    change1,
    gap,
    gapBefore,
    since,
    ttl,
    step,
    from,
    to,
    id: found[11],
  } as Pulse);
}

function boundPulse(stored: Pulse | undefined, now: number, longestTtl: number): Pulse {
  if (!stored) return pulseWith({ since: now, from: NO_PULSE, to: now });
  const past = (time: number) => Math.min(time, now);
  const usual = (gap: number) => Math.min(gap, longestTtl);
  const isValid = stored.to <= now && stored.from <= stored.to;
  const isSetBack = Math.max(stored.last, stored.step) > now + CUT_MS;
  const [from, to] = isSetBack ? [SET_BACK, now] : isValid ? [stored.from, stored.to] : [0, 0];
  return {
    last: past(stored.last),
    change2: past(stored.change2),
    change1: past(stored.change1),
    gap: usual(stored.gap),
    gapBefore: usual(stored.gapBefore),
    since: past(stored.since),
    ttl: usual(stored.ttl),
    step: past(stored.step),
    from,
    to,
    id: stored.id,
  };
}

function isAhead({ last, change2, change1, since, step, from, to }: Pulse, now: number): boolean {
  return [last, change2, change1, since, step, to].some((time) => time > now) || from > to;
}

export function usualGap({ gap, gapBefore }: Pulse): number {
  return Math.max(gap, gapBefore);
}

export function isSilent(pulse: Pulse, now: number): boolean {
  const usual = usualGap(pulse);
  return usual > 0 && now - pulse.last > Math.max(SILENT_MS, SILENT_GAPS * usual);
}

function continuesOutage({ from, to, ttl }: Pulse, began: number, longestTtl: number): boolean {
  return to > 0 && began <= to + Math.min(from <= SET_BACK ? ttl : longestTtl, (to - from) / LEAST_PART);
}

function noteOutage(pulse: ComputedPulse, began: number, now: number, longestTtl: number): void {
  pulse.isNoted = true;
  pulse.mustWrite = true;
  if (!continuesOutage(pulse, began, longestTtl)) {
    pulse.from = began;
    pulse.to = now;
    return;
  }
  const isUnknown = pulse.from <= SET_BACK;
  if (now - began < (isUnknown ? pulse.ttl : pulse.to - pulse.from) * LEAST_PART) return;
  pulse.from = Math.min(pulse.from, began);
  pulse.to = Math.max(pulse.to, now);
  pulse.isMerged = !isUnknown;
}

export function computePulse(
  stored: Pulse | undefined,
  caller: Caller,
  now: number,
  longestTtl: number,
  isStalled = false,
): ComputedPulse {
  const bounded = boundPulse(stored, now, longestTtl);
  const contact = Math.max(bounded.last, bounded.step);
  const silent = isSilent(bounded, now);
  const isBeat = caller === 'beat';
  const pulse: ComputedPulse = {
    ...bounded,
    isSilent: silent && !isBeat,
    wasSilent: silent,
    isCut: bounded.step > 0 && now - contact > CUT_MS && contact - bounded.step <= CUT_MS && !isStalled,
    isNoted: false,
    isMerged: false,
    mustWrite: !stored || isAhead(stored, now),
  };
  if (pulse.isCut || (silent && isBeat)) noteOutage(pulse, silent ? pulse.last : contact, now, longestTtl);
  if (caller === 'step') {
    pulse.step = now;
    pulse.mustWrite = true;
  }
  return pulse;
}

function learnGap(pulse: ComputedPulse, ttl: number, now: number): void {
  let learned = now - pulse.change2;
  if (pulse.wasSilent && pulse.gapBefore > 0 && !pulse.isMerged)
    learned = Math.min(learned, 2 * Math.max(usualGap(pulse), STAMP_MS));
  if (now - pulse.since >= 2 * pulse.ttl) {
    pulse.ttl = Math.max(ttl, Math.floor(pulse.ttl / 2));
    pulse.gapBefore = pulse.gap;
    pulse.gap = 0;
    pulse.since = now;
  }
  if (!pulse.isCut) pulse.gap = Math.max(pulse.gap, learned);
}

export function addBeat(pulse: ComputedPulse, id: string, ttl: number, now: number): void {
  const isChange = id !== pulse.id;
  const isDue = now - pulse.last >= STAMP_MS || (isChange && now - pulse.change2 >= STAMP_MS);
  if (!isDue && !pulse.isNoted) return;
  pulse.ttl = Math.max(pulse.ttl, ttl);
  if (isChange) {
    if (pulse.change2 > 0) learnGap(pulse, ttl, now);
    pulse.change2 = pulse.change1;
    pulse.change1 = now;
    pulse.id = id;
  }
  if (pulse.isNoted) {
    pulse.change2 = now;
    pulse.change1 = now;
  }
  pulse.last = now;
  pulse.mustWrite = true;
  forgetEvidence(pulse);
}

function forgetEvidence(pulse: ComputedPulse): void {
  pulse.wasSilent = false;
  pulse.isCut = false;
  pulse.isNoted = false;
  pulse.isMerged = false;
}

export function addSeen(
  pulse: ComputedPulse,
  id: string,
  ttl: number,
  seenAt: number,
  longestTtl: number,
): void {
  if (seenAt <= pulse.last || id === pulse.id) return;
  forgetEvidence(pulse);
  pulse.wasSilent = isSilent(pulse, seenAt);
  if (pulse.wasSilent) noteOutage(pulse, pulse.last, seenAt, longestTtl);
  addBeat(pulse, id, ttl, seenAt);
}

/**
 * Returns until when a device is held whose time ran out at `deadline`; undefined: it is not held.
 * @param silentTtls for how many TTLs silence holds it
 */
export function holdEnd(
  pulse: ComputedPulse,
  lastSeen: number,
  deadline: number,
  now: number,
  longestTtl: number,
  silentTtls: number,
): number | undefined {
  const ttl = Math.min(deadline - lastSeen, longestTtl);
  const outage = pulse.to - pulse.from;
  if (pulse.to > 0 && deadline > pulse.from && lastSeen < pulse.to && outage >= ttl * LEAST_PART) {
    const ends = pulse.to + Math.min(ttl, OUTAGES_HELD * outage);
    if (now < ends) return ends;
  }
  if (!pulse.isSilent) return undefined;
  const isContinued = pulse.from > SET_BACK && continuesOutage(pulse, pulse.last, longestTtl);
  const began = isContinued ? pulse.from : pulse.last;
  const wasSeenLate = lastSeen > pulse.last + Math.max(STAMP_MS, SILENT_GAPS * usualGap(pulse));
  if (deadline <= began || wasSeenLate || now - pulse.last < ttl * LEAST_PART) return undefined;
  const ends = pulse.last + silentTtls * ttl;
  return now < ends ? ends : undefined;
}
