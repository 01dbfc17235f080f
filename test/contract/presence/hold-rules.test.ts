/** The rules of the hold in Lua agree with those in TypeScript, which the simulation uses, on random states. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  addBeat,
  addSeen,
  type Caller,
  computePulse,
  holdEnd,
  parsePulse,
  pulseText,
} from '../../support/hold/pulse.js';
import { randomNumbers } from '../../support/random.mjs';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const STATES = 10_000;
const PER_SCRIPT = 500;
const CALLERS: readonly Caller[] = ['beat', 'step', 'settle'];

const include = (name: string) =>
  readFileSync(new URL(`../../../src/core/store/lua/include/${name}.lua`, import.meta.url), 'utf8');

/** Takes one state after the other, each as the arguments of `resultOf`, and replies the resulting pulses and ends. */
const SCRIPT = `
local pulseKey, holdTtls, activityKey = KEYS[1], '1', KEYS[2]
${include('stamp')}
${include('pulse')}
${include('hold')}
local replies = {}
for i = 1, #ARGV, 11 do
  local text, caller, now, longest, stalled = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), ARGV[i + 4]
  local first, second, seenAt = ARGV[i + 5], ARGV[i + 6], tonumber(ARGV[i + 7])
  local ttl = tonumber(ARGV[i + 10])
  local pulse = computePulse(text, caller, now, longest, stalled == '1')
  pulse.silentTtls = 2
  local ends = holdEnd(pulse, tonumber(ARGV[i + 8]), tonumber(ARGV[i + 9]), now, longest)
  if caller == 'beat' then stampBeats(pulse, now, first, ttl, second ~= '' and second, ttl)
  else
    if seenAt > 0 then addSeen(pulse, first, ttl, seenAt, longest) end
    stampPulse(pulse)
  end
  table.insert(replies, pulse.mustWrite and redis.call('GET', pulseKey) or '')
  table.insert(replies, string.format('%.17g', ends or 0))
end
return replies`;

interface State {
  text: string;
  caller: Caller;
  now: number;
  longestTtl: number;
  isStalled: boolean;
  first: string;
  second: string;
  /** When a settle found that another device was seen last; 0: it found none. */
  seenAt: number;
  lastSeen: number;
  deadline: number;
  /** The TTL of `first` and `second`. */
  ttl: number;
}

function randomState(random: () => number): State {
  const upTo = (max: number) => Math.floor(random() * max);
  const pick = <T>(...values: T[]) => values[upTo(values.length)] as T;
  const now = 1_700_000_000_000 + upTo(1e6);
  const longestTtl = pick(1000, 5000, 60_000);
  /** A time before now: mostly near, now and then equal to another, in the future, or 0. */
  const ago = () => Math.max(now - pick(0, upTo(400), upTo(5000), upTo(3 * longestTtl), now, -upTo(9000)), 0);
  const gap = () => pick(0, upTo(300), upTo(longestTtl), 3 * longestTtl);
  const ids = ['', 'a', 'b', 'with space', 'x:y'];
  const outageEnd = ago();
  const pulse = {
    last: ago(),
    change2: ago(),
    change1: ago(),
    gap: gap(),
    gapBefore: gap(),
    since: ago(),
    ttl: gap(),
    step: ago(),
    from: pick(2, 1, 0, Math.max(outageEnd - gap(), 0), ago()),
    to: outageEnd,
    id: pick(...ids),
  };
  const lastSeen = Math.min(ago(), now);
  return {
    text: random() < 0.03 ? pick('', 'broken', '1 2') : pulseText(pulse),
    caller: pick(...CALLERS),
    now,
    longestTtl,
    isStalled: random() < 0.2,
    first: pick('a', 'b', 'with space'),
    second: pick('', 'c'),
    seenAt: pick(0, Math.min(ago(), now)),
    lastSeen,
    deadline: lastSeen + pick(upTo(longestTtl), longestTtl),
    ttl: pick(upTo(longestTtl), longestTtl),
  };
}

function resultOf(state: State): string[] {
  const { now, longestTtl, caller, first, second, ttl, seenAt } = state;
  const pulse = computePulse(parsePulse(state.text), caller, now, longestTtl, state.isStalled);
  const ends = holdEnd(pulse, state.lastSeen, state.deadline, now, longestTtl, 2);
  if (caller === 'beat') for (const id of second ? [first, second] : [first]) addBeat(pulse, id, ttl, now);
  else if (seenAt > 0) addSeen(pulse, first, ttl, seenAt, longestTtl);
  return [pulse.mustWrite ? pulseText(pulse) : '', String(ends ?? 0)];
}

test(`the rules in Lua and in TypeScript agree on ${STATES} random states`, async () => {
  const client = await redis.client();
  const random = randomNumbers(11);
  let held = 0;
  for (let done = 0; done < STATES; done += PER_SCRIPT) {
    const states = Array.from({ length: PER_SCRIPT }, () => randomState(random));
    const args = states.flatMap((state) => [
      state.text,
      state.caller,
      state.now,
      state.longestTtl,
      state.isStalled ? 1 : 0,
      state.first,
      state.second,
      state.seenAt,
      state.lastSeen,
      state.deadline,
      state.ttl,
    ]);
    const replies = (await client.eval(SCRIPT, 2, 'pulse', 'activity', ...args)) as string[];
    for (const [i, state] of states.entries()) {
      const expected = resultOf(state);
      expect(replies.slice(2 * i, 2 * i + 2), JSON.stringify(state)).toEqual(expected);
      if (expected[1] !== '0') held++;
    }
  }
  expect(held).toBeGreaterThan(STATES / 20); // the states are such that some are held
});
