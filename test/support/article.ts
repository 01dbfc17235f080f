/**
 * The two programs that share Redis with us, as far as Redis can tell: which commands they send, in which
 * order, and what they make of the replies. Their weaknesses are kept on purpose.
 *
 * An operation is a generator of batches. Run whole, a batch travels as its program sends it; run under
 * `steps`, every command that another client may get in between of is a step of its own.
 *
 * Beyond names and units the dialects differ in this: Python's pipelines are MULTI/EXEC and raise, Node's are
 * plain and drop errors; an empty report is written by Node and skipped by Python; a record without its id
 * is null to Node and a device to Python; Python's JSON has spaces and \u escapes and keeps integers of any length.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Redis } from 'ioredis';
import { isInteger, isLosslessNumber, LosslessNumber, parse } from 'lossless-json';
import { randomPicker } from './random.mjs';

export type ArticleDialect = 'node' | 'python';
export type ArticleStatus = 'online' | 'offline';
export type JsonObject = Record<string, unknown>;

/** `lastSeen` in the dialect's unit: ms for Node, seconds for Python. */
export type ArticleDevice = { deviceId: string; status: ArticleStatus; lastSeen: number } & {
  [field in 'reportedState' | 'desiredState' | 'metadata']: JsonObject;
};
/** The heartbeat key's TTL (the article's: 60), and a clock in ms. */
export type ArticleOptions = { ttlSeconds?: number; now?: () => number };

type Command = [name: string, ...args: string[]];
type Batch = { how: 'plain' | 'pipeline' | 'multi'; commands: Command[] };
type Hash = Record<string, string>;
type Op<T> = Generator<Batch, T, unknown[]>;
/** Each `next()` is one Redis step, and yields what was sent. */
export type ArticleSteps<T> = AsyncGenerator<string, T, void>;

const HEARTBEAT = 'device:heartbeat:';
const stateKey = (id: string) => `device:state:${id}`;
const plain = (...commands: Command[]): Batch => ({ how: 'plain', commands });

function pyDumps(value: unknown): string {
  if (isLosslessNumber(value) || typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map(pyDumps).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value).map(([key, inner]) => `${pyDumps(key)}: ${pyDumps(inner)}`);
    return `{${members.join(', ')}}`;
  }
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, escaped);
}

const pyNumber = (digits: string) =>
  isInteger(digits) && !Number.isSafeInteger(Number(digits)) ? BigInt(digits) : Number(digits);

const pyFloat = (value: number) => String(value).replace(/^-?\d+$/, '$&.0');

/** Numbers that can be written back as they were. */
const pyKept = (digits: string) => new LosslessNumber(isInteger(digits) ? digits : pyFloat(Number(digits)));

/** What the two programs do differently without thinking about it. */
function dialectOf(dialect: ArticleDialect) {
  const node = dialect === 'node';
  const field = (camel: string) =>
    node ? camel : camel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const loads = (json: unknown): JsonObject =>
    (node ? JSON.parse(String(json || '{}')) : parse(String(json || '{}'), null, pyNumber)) as JsonObject;
  return {
    node,
    field,
    loads,
    dumps: node ? JSON.stringify : pyDumps,
    second: node ? 1000 : 1,
    now: (ms = Date.now() + (performance.now() % 1)) => (node ? Math.floor(ms) : ms / 1000),
    time: node ? String : pyFloat,
    timeInJson: (at: number) => (node ? at : new LosslessNumber(pyFloat(at))),
    batch: (...commands: Command[]): Batch => ({ how: node ? 'pipeline' : 'multi', commands }),
    isDevice: (record: Hash) => (node ? Boolean(record.deviceId) : Object.keys(record).length > 0),
    device: (id: string, record: Hash, alive: unknown): ArticleDevice => ({
      deviceId: id,
      status: alive ? 'online' : 'offline',
      reportedState: loads(record[field('reportedState')]),
      desiredState: loads(record[field('desiredState')]),
      lastSeen: Number.parseFloat(record[field('lastSeen')] ?? '0'),
      metadata: loads(record.metadata),
    }),
  };
}

function articleOps(dialect: ArticleDialect, { ttlSeconds = 60, now }: ArticleOptions) {
  const { node, field, loads, dumps, batch, ...of } = dialectOf(dialect);
  const clock = () => of.now(now?.());

  function* members(key: string): Op<string[]> {
    return (yield plain(['smembers', key]))[0] as string[];
  }
  const announcement = (id: string, status: ArticleStatus, at: number): Batch => {
    const event = { type: 'presence', [field('deviceId')]: id, status, timestamp: of.timeInJson(at) };
    return plain(['publish', 'devices:presence', dumps(event)]);
  };

  const ops = {
    *register(id: string, type: string, metadata: JsonObject = {}): Op<true> {
      const record = [field('deviceId'), id, field('deviceType'), type];
      record.push(field('registeredAt'), of.time(clock()), 'status', 'offline', field('lastSeen'), '0');
      record.push(field('reportedState'), '{}', field('desiredState'), '{}', 'metadata', dumps(metadata));
      yield plain(['hset', stateKey(id), ...record]);
      yield plain(['sadd', 'devices:registered', id]);
      yield plain(['sadd', `devices:type:${type}`, id]);
      return true;
    },

    *heartbeat(id: string, reported?: JsonObject | null): Op<{ deviceId: string; wasOffline: boolean }> {
      const at = clock();
      const [alive] = yield plain(['exists', HEARTBEAT + id]);
      const changes = ['status', 'online', field('lastSeen'), of.time(at)];
      if (reported && (node || Object.keys(reported).length > 0))
        changes.push(field('reportedState'), dumps(reported));
      yield batch(
        ['setex', HEARTBEAT + id, String(ttlSeconds), '1'],
        ['hset', stateKey(id), ...changes],
        ['sadd', 'devices:online', id],
      );
      if (!alive) yield announcement(id, 'online', at);
      return { deviceId: id, wasOffline: !alive };
    },

    /** Repairs the status field, on reading. */
    *get(id: string): Op<ArticleDevice | null> {
      const exists: Command = ['exists', HEARTBEAT + id];
      const replies = yield plain(['hgetall', stateKey(id)], ...(node ? [exists] : []));
      const record = replies[0] as Hash;
      if (!of.isDevice(record)) return null;
      const device = of.device(id, record, node ? replies[1] : (yield plain(exists))[0]);
      if (record.status !== device.status) yield plain(['hset', stateKey(id), 'status', device.status]);
      return device;
    },

    /** Reads, merges the top level, writes the whole: a patch that comes in between is lost. */
    *setDesired(id: string, patch: JsonObject): Op<{ deviceId: string; desiredState: JsonObject }> {
      const [json] = yield plain(['hget', stateKey(id), field('desiredState')]);
      const current = node ? loads(json) : (parse(String(json || '{}'), null, pyKept) as JsonObject);
      const desired = Object.assign(current, patch);
      yield plain(['hset', stateKey(id), field('desiredState'), dumps(desired)]);
      const timestamp = of.timeInJson(clock());
      const update = { type: 'state_update', [field('desiredState')]: desired, timestamp };
      yield plain(['publish', `device:${id}:commands`, dumps(update)]);
      return { deviceId: id, desiredState: loads(dumps(desired)) };
    },

    /** To Node two equal objects or arrays differ. Not reported is null here (undefined in Node's own answer). */
    *delta(id: string): Op<{ deviceId: string; inSync: boolean; delta: JsonObject }> {
      const asked = ['reportedState', 'desiredState'].map((x): Command => ['hget', stateKey(id), field(x)]);
      const [reported = {}, desired = {}] = (yield node ? plain(...asked) : batch(...asked)).map(loads);
      const same = (a: unknown, b: unknown) => (node ? a === b : isDeepStrictEqual(a, b));
      const unequal = Object.entries(desired)
        .filter(([key, value]) => !(Object.hasOwn(reported, key) && same(reported[key], value)))
        .map(([key, value]) => [key, { desired: value, reported: reported[key] ?? null }]);
      return { deviceId: id, inSync: unequal.length === 0, delta: Object.fromEntries(unequal) };
    },

    *markOffline(id: string): Op<void> {
      yield batch(['hset', stateKey(id), 'status', 'offline'], ['srem', 'devices:online', id]);
      yield announcement(id, 'offline', clock());
    },

    /** One round of the polling detector: the ids that it found offline. */
    *pollDetector(): Op<string[]> {
      const found: string[] = [];
      for (const id of yield* members('devices:online')) {
        if ((yield plain(['exists', HEARTBEAT + id]))[0]) continue;
        found.push(id);
        yield* ops.markOffline(id);
      }
      return found;
    },

    /** What the keyspace detector does about an expired key: the id that it took from it, right or wrong. */
    *keyspaceDetector(key: string): Op<string | null> {
      if (!key.startsWith(HEARTBEAT)) return null;
      const id = key.split(':').at(node ? 2 : -1) ?? '';
      yield* ops.markOffline(id);
      return id;
    },

    online: (): Op<string[]> => members('devices:online'),

    /** Node sends the two at once. */
    *offline(): Op<string[]> {
      const all = yield* members('devices:registered');
      const up = new Set(yield* ops.online());
      return all.filter((id) => !up.has(id));
    },

    byStatus: (status: ArticleStatus): Op<string[]> => (status === 'online' ? ops.online() : ops.offline()),

    byType: (type: string): Op<string[]> => members(`devices:type:${type}`),

    *byTypeWithState(type: string): Op<ArticleDevice[]> {
      const ids = yield* ops.byType(type);
      const asked = (id: string) => plain(['hgetall', stateKey(id)], ['exists', HEARTBEAT + id]).commands;
      const replies = yield batch(...ids.flatMap(asked));
      return ids.flatMap((_, i) => {
        const record = (replies[2 * i] ?? {}) as Hash;
        const id = record[field('deviceId')] ?? '';
        return Object.keys(record).length > 0 ? [of.device(id, record, replies[2 * i + 1])] : [];
      });
    },

    /** Oldest first; never seen is stale too. */
    *stale(maxAgeSeconds = 3600): Op<{ deviceId: string; lastSeen: number; ageSeconds: number }[]> {
      const at = clock();
      const ids = yield* members('devices:registered');
      const seen = yield batch(...ids.map((id): Command => ['hget', stateKey(id), field('lastSeen')]));
      return ids
        .map((deviceId, i) => ({ deviceId, lastSeen: Number.parseFloat(String(seen[i])) }))
        .map((device) => ({ ...device, ageSeconds: (at - device.lastSeen) / of.second }))
        .filter(({ ageSeconds }) => ageSeconds > maxAgeSeconds)
        .sort((a, b) => a.lastSeen - b.lastSeen);
    },
  };
  return ops;
}

async function send(redis: Redis, { how, commands }: Batch): Promise<unknown[]> {
  if (commands.length === 0) return [];
  if (how === 'plain') return Promise.all(commands.map(([name, ...args]) => redis.call(name, ...args)));
  const results = await (how === 'multi' ? redis.multi(commands) : redis.pipeline(commands)).exec();
  return (results ?? []).map(([error, reply]) => {
    if (error && how === 'multi') throw error;
    return error ? null : reply;
  });
}

async function whole<T>(redis: Redis, op: Op<T>): Promise<T> {
  let turn = op.next();
  while (!turn.done) turn = op.next(await send(redis, turn.value));
  return turn.value;
}

async function* stepwise<T>(redis: Redis, op: Op<T>): ArticleSteps<T> {
  let turn = op.next();
  while (!turn.done) {
    const { how, commands } = turn.value;
    const replies: unknown[] = [];
    for (const step of how === 'multi' ? [commands] : commands.map((command) => [command])) {
      replies.push(...(await send(redis, { how, commands: step })));
      yield step.map((command) => command.join(' ')).join('; ');
    }
    turn = op.next(replies);
  }
  return turn.value;
}

type Ops = ReturnType<typeof articleOps>;
type Sent<Kind> = {
  [K in keyof Ops]: Ops[K] extends (...args: infer A) => Op<infer T>
    ? (...args: A) => Kind extends 'steps' ? ArticleSteps<T> : Promise<T>
    : never;
};
/** Every operation as a promise, and under `steps` as a series of single Redis steps. */
export type ArticleProgram = Sent<'whole'> & { dialect: ArticleDialect; steps: Sent<'steps'> };

export function articleProgram(redis: Redis, dialect: ArticleDialect, options: ArticleOptions = {}) {
  const ops = Object.entries(articleOps(dialect, options)) as [string, (...args: unknown[]) => Op<unknown>][];
  const sent = (how: (redis: Redis, op: Op<unknown>) => unknown) =>
    Object.fromEntries(ops.map(([name, op]) => [name, (...args: unknown[]) => how(redis, op(...args))]));
  return { dialect, ...sent(whole), steps: sent(stepwise) } as unknown as ArticleProgram;
}

/** How a program of that dialect sees what somebody else wrote. Writes nothing. */
export function articleReader(redis: Redis, dialect: ArticleDialect) {
  const { field, loads, isDevice, device } = dialectOf(dialect);
  return {
    /** The answer of `get`, without its repair. */
    async device(id: string): Promise<ArticleDevice | null> {
      const record = await redis.hgetall(stateKey(id));
      return isDevice(record) ? device(id, record, await redis.exists(HEARTBEAT + id)) : null;
    },
    /** The fields of a presence event or a state update that such a program knows. */
    message(json: string) {
      const { type, status, timestamp, ...own } = loads(json);
      const [deviceId, desiredState] = [own[field('deviceId')], own[field('desiredState')]];
      return { type, deviceId, status, desiredState, timestamp };
    },
  };
}

/**
 * Runs several series of steps, one step of one of them at a time. What was done, in order; `seed` repeats it.
 * Anything else takes part as `(async function* () { yield await manager.heartbeat(id); })()`.
 */
export async function interleave(seed: number, ...runs: AsyncIterator<unknown>[]): Promise<string[]> {
  const pick = randomPicker(seed);
  const done: string[] = [];
  const left = [...runs.entries()];
  while (left.length > 0) {
    const turn = pick(left);
    const [index, run] = turn;
    const step = await run.next();
    if (step.done) left.splice(left.indexOf(turn), 1);
    else done.push(`${index}: ${step.value}`);
  }
  return done;
}
