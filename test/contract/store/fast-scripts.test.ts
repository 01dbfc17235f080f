/**
 * The fast scripts for heartbeats against the full one: the same operations, with other programs' writes between any
 * two of them, are done in two databases, of which one gets every heartbeat by the full script. Both must then hold the
 * same, and give the same results.
 */
import { expect, test } from 'vitest';
import type { Dialect } from '../../../src/core/model/device.js';
import { DevstateError } from '../../../src/core/model/errors.js';
import { disconnect } from '../../../src/core/presence/disconnect.js';
import { heartbeats } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { unregister } from '../../../src/core/registry/unregister.js';
import { setDesired } from '../../../src/core/shadow/desired.js';
import { HEARTBEAT } from '../../../src/core/store/scripts.js';
import { articleProgram } from '../../support/article.mjs';
import { openFleet, type SingleFleet } from '../../support/fleet.js';
import { randomNumbers } from '../../support/random.mjs';
import { useRedis } from '../../support/redis.js';
import { bySize, seedsOf } from '../../support/size.js';

const redis = useRedis();

const IDS = ['a', 'b', 'c:1', '温度-1'];
const STEPS = 60;
/** Some of these are equal by value. */
const REPORTS = [
  '{}',
  '{"n":1,"m":"x"}',
  '{"m":"x","n":1}',
  '{"n":1.0,"m":"\\u0078"}',
  '{"n":2,"m":"x"}',
  '{"n":2,"n":2}',
  `{"n":3,"long":"${'y'.repeat(100)}"}`,
];
const FAST = ['heartbeat_fast', 'report_fast'];
/** Only the fast scripts use the field, and only for devices that they handle. */
const DIGEST = 'reportDigest';

type Pick = <T>(list: readonly T[]) => T;
type Operation = (side: Side) => Promise<unknown>;

interface Side {
  fleet: SingleFleet;
  clock: () => number;
  program: (dialect: Dialect) => ReturnType<typeof articleProgram>;
}

/** Chooses an operation, which is then done on both sides alike. */
const OPERATIONS: Record<string, (pick: Pick) => Operation> = {
  beat: beats,
  beatAgain: beats,
  beatOnceMore: beats,
  beatWithReports: beats,
  register: (pick) => {
    const [id, ttl] = [pick(IDS), pick([undefined, 90_000])];
    return ({ fleet }) => register(fleet, id, 'lamp', ttl === undefined ? {} : { ttl });
  },
  unregister: (pick) => {
    const id = pick(IDS);
    return ({ fleet }) => unregister(fleet, id);
  },
  disconnect: (pick) => {
    const id = pick(IDS);
    return ({ fleet }) => disconnect(fleet, id);
  },
  desired: (pick) => {
    const [id, n] = [pick(IDS), pick([1, 2])];
    return ({ fleet }) => setDesired(fleet, id, { n: String(n) });
  },
  expire: (pick) => {
    const id = pick(IDS);
    return ({ fleet }) => fleet.redis.del(fleet.keys.heartbeat(id));
  },
  articleBeat: (pick) => {
    const [dialect, id, report] = [
      pick(['node', 'node', 'python'] as const),
      pick(IDS),
      pick([null, ...REPORTS]),
    ];
    return async ({ fleet, program, clock }) => {
      await program(dialect).heartbeat(id, report === null ? null : JSON.parse(report));
      await fleet.redis.pexpireat(fleet.keys.heartbeat(id), clock() + 60_000); // not by the server's clock
    };
  },
  articleReport: (pick) => {
    const [id, report] = [pick(IDS), pick(REPORTS)];
    return ({ fleet }) => fleet.redis.hset(fleet.keys.state(id), 'reportedState', report);
  },
  articleRegister: (pick) => {
    const [dialect, id] = [pick(['node', 'node', 'python'] as const), pick(IDS)];
    return ({ program }) => program(dialect).register(id, 'lamp');
  },
  articleRegisterAndReportAgain: (pick) => {
    const id = pick(IDS);
    return async ({ fleet, program }) => {
      const report = (await fleet.redis.hget(fleet.keys.state(id), 'reportedState')) ?? '{}';
      await program('node').register(id, 'lamp');
      await fleet.redis.hset(fleet.keys.state(id), 'reportedState', report);
    };
  },
  articleOffline: (pick) => {
    const id = pick(IDS);
    return ({ program }) => program('node').markOffline(id);
  },
  /** A program of devstate 0.1 writes a report and no digest. */
  beatOf01: (pick) => {
    const [id, reported] = [pick(IDS), pick(REPORTS)];
    const none = { ttl: '', digest: '', expectedVersion: 'any', expectedText: '' };
    const args = { defaultTtl: 60_000, longestTtl: 90_000, exclusive: 0, holdTtls: 2 };
    return async ({ fleet }) => {
      const state = fleet.keys.state(id);
      const before = await fleet.redis.hget(state, DIGEST);
      await fleet.only.run(HEARTBEAT, args, [{ id, reported, ...none }]);
      if (before !== null) await fleet.redis.hset(state, DIGEST, before);
      else await fleet.redis.hdel(state, DIGEST);
    };
  },
  brokenState: (pick) => {
    const [id, text] = [pick(IDS), pick(['', 'x', '1 2 3', '5 0 0 0 1 0 0', '4 0 0 0 2 0 0'])];
    return ({ fleet }) => fleet.redis.hset(fleet.keys.state(id), 'devstate', text);
  },
  brokenHistory: (pick) => {
    const key = (fleet: SingleFleet, id: string) => fleet.keys.history('reported', id);
    const [id, isDeleted] = [pick(IDS), pick([true, false])];
    return ({ fleet }) =>
      isDeleted ? fleet.redis.del(key(fleet, id)) : fleet.redis.set(key(fleet, id), 'x');
  },
  lostField: (pick) => {
    const [id, field] = [pick(IDS), pick(['registeredAt', 'lastSeen', 'reportedState', 'devstate', DIGEST])];
    return ({ fleet }) => fleet.redis.hdel(fleet.keys.state(id), field);
  },
};

/** One call with heartbeats of some devices, most with a report. */
function beats(pick: Pick): Operation {
  const ids = IDS.filter(() => pick([true, false]));
  const chosen = ids.map((id) => {
    const [reportedJson, ttl] = [pick([undefined, ...REPORTS]), pick([undefined, undefined, 75_000])];
    return { id, ...(reportedJson !== undefined && { reportedJson }), ...(ttl !== undefined && { ttl }) };
  });
  return ({ fleet }) => heartbeats(fleet, chosen);
}

/** A fleet in a database of its own. @param isFull whether the fast scripts skip every device, unasked */
async function openSide(db: number, clock: () => number, writers: string, isFull: boolean): Promise<Side> {
  const fleet = await openFleet(redis, { clock }, { db });
  await empty(fleet, writers);
  if (isFull) skipAll(fleet);
  return { fleet, clock, program: (dialect) => articleProgram(fleet.redis, dialect, { now: clock }) };
}

/** No device is held: holds follow from the pulse, which devices that one script skips and another handles stamp twice. */
async function empty({ redis: db }: SingleFleet, writers: string): Promise<void> {
  await db.flushdb();
  await db.hset('devices:meta', 'dialect', 'node', 'historyCap', 5, 'hold', 0, 'writers', writers);
}

function skipAll(fleet: SingleFleet): void {
  const { only } = fleet;
  for (const name of ['run', 'runRepeatably'] as const) {
    const run = only[name].bind(only) as (...args: unknown[]) => Promise<unknown>;
    Object.assign(only, {
      [name]: (script: { name: string }, args: unknown, devices: unknown[], ...rest: unknown[]) =>
        FAST.includes(script.name)
          ? Promise.resolve({ now: 0, reply: devices.map(() => -1), isRepeated: false })
          : run(script, args, devices, ...rest),
    });
  }
}

/** What an operation gives, comparable: an error is its code and message. */
async function outcomeOf(work: Promise<unknown>): Promise<unknown> {
  const plain = (value: unknown) =>
    value instanceof DevstateError ? [value.code, value.message.replace(/ \(.*/, '')] : value;
  try {
    const result = await work;
    return Array.isArray(result) ? result.map(plain) : plain(result);
  } catch (error) {
    return plain(error);
  }
}

/** Everything that a database holds, without the digests, the pulse, and the ids and the order of the log. */
async function contentOf({ fleet: { redis: db } }: Side): Promise<Record<string, unknown>> {
  const content: Record<string, unknown> = {};
  for (const key of (await db.keys('*')).filter((each) => each !== 'devices:pulse').sort()) {
    const type = await db.type(key);
    if (type === 'hash') {
      const { [DIGEST]: _, ...fields } = await db.hgetall(key);
      content[key] = fields;
    } else if (type === 'list') content[key] = await db.lrange(key, 0, -1);
    else if (type === 'set') content[key] = (await db.smembers(key)).sort();
    else if (type === 'zset') content[key] = await db.zrange(key, 0, -1, 'WITHSCORES');
    else if (type === 'stream')
      content[key] = (await db.xrange(key, '-', '+')).map(([, fields]) => fields.join(' ')).sort();
    else
      content[key] = [
        await db.get(key),
        key.includes(':heartbeat:') ? await db.call('PEXPIRETIME', key) : '',
      ];
  }
  return content;
}

/** What is done in a fleet to which only devstate writes. */
const OWN = [/^beat/, /^(un)?register$/, /^disconnect$/, /^desired$/, /^expire$/];

const CASES = seedsOf(3).flatMap((seed) =>
  (['shared', 'exclusive'] as const).map((writers) => ({ seed, writers })),
);

test.each(CASES)(
  'the fast scripts do what the full one does, $writers, seed $seed',
  async ({ seed, writers }) => {
    let now = Date.now() + 100_000;
    const clock = () => now;
    const [fast, full] = [await openSide(0, clock, writers, false), await openSide(1, clock, writers, true)];
    const operations = Object.keys(OPERATIONS).filter(
      (name) => writers === 'shared' || OWN.some((own) => own.test(name)),
    );
    for (let run = 0; run < bySize(12, 60); run += 1) {
      for (const { fleet } of [fast, full]) await empty(fleet, writers);
      const random = randomNumbers(seed * 1000 + run);
      const pick: Pick = (list) => list[Math.floor(random() * list.length)] as never;
      const names: string[] = [];
      for (let step = 0; step < STEPS; step += 1) {
        const name = step < IDS.length ? 'register' : pick(operations);
        const operation = OPERATIONS[name]?.(pick) as Operation;
        now += pick([0, 1, 40, 500]);
        names.push(name);
        const outcomes = [await outcomeOf(operation(fast)), await outcomeOf(operation(full))];
        expect(outcomes[0], `${run}: ${names.join(' ')}`).toEqual(outcomes[1]);
        expect(await contentOf(fast), `${run}: ${names.join(' ')}`).toEqual(await contentOf(full));
      }
    }
    const stats = await fast.fleet.redis.info('commandstats');
    const fastCalls = Number(/cmdstat_pexpireat:calls=(\d+)/.exec(stats)?.[1] ?? 0);
    expect(fastCalls).toBeGreaterThan(100);
  },
);
